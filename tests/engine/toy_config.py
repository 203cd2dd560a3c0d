# A run of the toy parts; tests/engine must be on the Python path.
_base_ = '../../configs/_base_/default_runtime.py'
custom_imports = dict(imports=['toy_parts'])

model = dict(type='ToyModel')
train_dataloader = dict(
    batch_size=2,
    num_workers=0,
    dataset=dict(type='ToyDataset'),
    sampler=dict(type='DefaultSampler', shuffle=True),
)
train_cfg = dict(type='IterBasedTrainLoop', max_iters=8)
optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='AdamW', lr=1e-2))
param_scheduler = [dict(type='CosineAnnealingLR', T_max=8, by_epoch=False)]
auto_scale_lr = dict(base_batch_size=4)
default_hooks = dict(logger=dict(interval=2), checkpoint=dict(interval=4))

test_dataloader = dict(
    batch_size=2,
    num_workers=0,
    dataset=dict(type='ToyDataset'),
    sampler=dict(type='DefaultSampler', shuffle=False),
)
test_cfg = dict(type='TestLoop')
test_evaluator = dict(type='ToyMetric')
allow_random_weights = True
