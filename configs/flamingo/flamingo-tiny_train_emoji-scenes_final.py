# The last stage of flamingo-tiny's training: the third goes on, at a rate that falls from half as much, with more captions.
_base_ = ['./flamingo-tiny_train_emoji-scenes_questions.py']

load_from = 'work_dirs/flamingo-tiny_train_emoji-scenes_questions/iter_750.pth'
train_dataloader = dict(dataset=dict(weights=(0.44, 0.1, 0.24, 0.02, 0.1, 0.05, 0.05), seed=3))
max_iters = 480
train_cfg = dict(max_iters=max_iters)
optim_wrapper = dict(optimizer=dict(lr=8e-4))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.1, begin=0, end=20, by_epoch=False),
    dict(type='CosineAnnealingLR', T_max=max_iters - 20, begin=20, end=max_iters, eta_min=1e-5, by_epoch=False),
]
default_hooks = dict(checkpoint=dict(interval=240))
