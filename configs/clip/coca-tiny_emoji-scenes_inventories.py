# The vision encoder of flamingo-tiny, second stage: the encoder goes on with exhaustive descriptions among the captions,
# and CoCa's attentional pooler is a Perceiver Resampler, from which Flamingo's own starts.
_base_ = ['./coca-tiny_emoji-scenes.py']

model = dict(
    vision_backbone=dict(pretrained='work_dirs/coca-tiny_emoji-scenes/iter_1100.pth'),
    resampler=dict(type='PerceiverResampler', depth=2, dim_head=32, heads=6, num_latents=32),
)
(captions,) = _base_.train_dataloader.dataset.sources
inventories = {**captions, 'ann_file': 'annotations/inventories_train.json'}
train_dataloader = dict(dataset=dict(sources=[inventories, captions], weights=(0.7, 0.3)))
max_iters = 1500
train_cfg = dict(max_iters=max_iters)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, begin=0, end=60, by_epoch=False),
    dict(type='CosineAnnealingLR', T_max=max_iters - 60, begin=60, end=max_iters, eta_min=1e-5, by_epoch=False),
]
default_hooks = dict(checkpoint=dict(interval=500))
