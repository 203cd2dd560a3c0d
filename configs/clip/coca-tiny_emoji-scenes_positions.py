# The vision encoder of flamingo-tiny, third stage. The features of the first two hardly tell the places of what they show
# apart; this one goes on from the weights that the first Flamingo was trained with, with explicit positions added.
_base_ = ['./coca-tiny_emoji-scenes_inventories.py']

first_flamingo = 'work_dirs/flamingo-tiny_first.pth'
model = dict(
    vision_backbone=dict(pretrained=first_flamingo, sincos_positions=True), resampler=dict(pretrained=first_flamingo)
)
max_iters = 800
train_cfg = dict(max_iters=max_iters)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, begin=0, end=60, by_epoch=False),
    dict(type='CosineAnnealingLR', T_max=max_iters - 60, begin=60, end=max_iters, eta_min=1e-5, by_epoch=False),
]
default_hooks = dict(checkpoint=dict(interval=200))
