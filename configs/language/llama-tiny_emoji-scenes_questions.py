# Goes on from llama-tiny_emoji-scenes.py with several questions about one described scene, whose answers count most.
_base_ = ['./llama-tiny_emoji-scenes.py']

model = dict(_delete_=True, type='CausalLMPretraining', pretrained='work_dirs/llama-tiny_emoji-scenes/pretrained')
train_dataloader = dict(
    dataset=dict(
        ann_file='data/emoji_scenes/text/questions_train.txt',
        emphasis={r'(?<=Short answer:)[^<]+': 8},
    )
)
# Broken off after two thirds of its schedule: yes/no questions were still answered by chance, so
# llama-tiny_emoji-scenes_checks.py went on with more of these.
max_iters = 1500
train_cfg = dict(max_iters=1000)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, begin=0, end=100, by_epoch=False),
    dict(type='CosineAnnealingLR', T_max=max_iters - 100, begin=100, end=max_iters, eta_min=1e-5, by_epoch=False),
]
default_hooks = dict(checkpoint=dict(interval=250))
custom_hooks = [dict(type='ExportPretrainedHook', out_dir='work_dirs/llama-tiny_emoji-scenes_questions/pretrained')]
