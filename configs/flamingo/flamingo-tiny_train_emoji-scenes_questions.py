# The third stage of flamingo-tiny's training: the weights of the second go on with a language model that has learned to
# answer questions. Several questions a picture make each picture teach more.
_base_ = ['./flamingo-tiny_train_emoji-scenes_interleaved.py']

load_from = 'work_dirs/flamingo-tiny_train_emoji-scenes_interleaved/adapter.pth'
language_model = 'work_dirs/llama-tiny_emoji-scenes_checks/pretrained'
model = dict(language_model=dict(pretrained=language_model), resampler=dict(pretrained=None))
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
        weights=(0.4, 0.12, 0.2, 0.06, 0.12, 0.04, 0.06),
        seed=2,
    ),
)
max_iters = 750
train_cfg = dict(max_iters=max_iters)
optim_wrapper = dict(optimizer=dict(lr=1.5e-3))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.1, begin=0, end=60, by_epoch=False),
    dict(type='CosineAnnealingLR', T_max=max_iters - 60, begin=60, end=max_iters, eta_min=2e-5, by_epoch=False),
]
default_hooks = dict(checkpoint=dict(interval=250))
