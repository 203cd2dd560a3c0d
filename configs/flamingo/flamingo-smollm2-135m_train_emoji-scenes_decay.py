# The second stage of flamingo-smollm2-135m's training: the rate falls to 0, and zero shots are learned as the tests ask for
# them, after two examples without their pictures.
_base_ = ['./flamingo-smollm2-135m_train_emoji-scenes.py']

load_from = 'work_dirs/flamingo-smollm2-135m_train_emoji-scenes/iter_1000.pth'
captions, inventories, questions = _base_.captions, _base_.inventories, _base_.questions
text_only = dict(num_shots=(2,), text_only_prob=1.0)
train_dataloader = dict(
    dataset=dict(
        sources=[captions, inventories, questions, {**captions, **text_only}, {**questions, **text_only}],
        weights=(0.35, 0.1, 0.3, 0.15, 0.1),
        seed=1,
    ),
)
max_iters = 140
train_cfg = dict(max_iters=max_iters)
optim_wrapper = dict(paramwise_cfg=dict(custom_keys={'_gate': dict(lr_mult=1.0)}))  # they are open
param_scheduler = [
    dict(type='LinearLR', start_factor=0.1, begin=0, end=15, by_epoch=False),
    dict(type='CosineAnnealingLR', T_max=max_iters - 15, begin=15, end=max_iters, eta_min=1e-5, by_epoch=False),
]
default_hooks = dict(checkpoint=dict(interval=70))
