# The third stage of flamingo-tiny's training: the weights of the second go on with the vision encoder that tells places
# (configs/clip/coca-tiny_emoji-scenes_positions.py). Several questions a picture make each picture teach more.
_base_ = ['./flamingo-tiny_train_emoji-scenes_interleaved.py']

load_from = 'work_dirs/flamingo-tiny_first-adapter.pth'  # without a vision encoder
encoder = 'work_dirs/coca-tiny_emoji-scenes_positions/iter_800.pth'
model = dict(vision_backbone=dict(pretrained=encoder), resampler=dict(pretrained=None))
captions, inventories, questions, binding = _base_.captions, _base_.inventories, _base_.questions, _base_.binding
text_only = _base_.text_only
train_dataloader = dict(
    dataset=dict(
        sources=[
            {**questions, 'num_shots': (4,), 'texts_per_image': 4},
            questions,
            captions,
            inventories,
            binding,
            {**captions, **text_only},
            {**questions, **text_only},
        ],
        weights=(0.35, 0.1, 0.24, 0.12, 0.11, 0.04, 0.04),
        seed=2,
    ),
)
max_iters = 3000
train_cfg = dict(max_iters=max_iters)
optim_wrapper = dict(optimizer=dict(lr=1.5e-3))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.1, begin=0, end=60, by_epoch=False),
    dict(type='CosineAnnealingLR', T_max=max_iters - 60, begin=60, end=max_iters, eta_min=2e-5, by_epoch=False),
]
default_hooks = dict(checkpoint=dict(interval=250))
