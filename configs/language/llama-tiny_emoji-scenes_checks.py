# Goes on from llama-tiny_emoji-scenes_questions.py: mostly yes/no questions, which it answered by chance.
_base_ = ['./llama-tiny_emoji-scenes_questions.py']

model = dict(pretrained='work_dirs/llama-tiny_emoji-scenes_questions/pretrained')
train_dataloader = dict(dataset=dict(ann_file='data/emoji_scenes/text/checks_train.txt'))
max_iters = 800
train_cfg = dict(max_iters=max_iters)
optim_wrapper = dict(optimizer=dict(lr=1.5e-3))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.1, begin=0, end=50, by_epoch=False),
    dict(type='CosineAnnealingLR', T_max=max_iters - 50, begin=50, end=max_iters, eta_min=1e-5, by_epoch=False),
]
custom_hooks = [dict(type='ExportPretrainedHook', out_dir='work_dirs/llama-tiny_emoji-scenes_checks/pretrained')]
