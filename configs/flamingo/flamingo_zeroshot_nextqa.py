_base_ = [
    '../_base_/default_runtime.py',
    '../_base_/models/flamingo-9b.py',
    '../_base_/prompts/close_ended.py',
    '../_base_/datasets/nextqa.py',
]

model = dict(prompts={{_base_.benchmark_prompts}})
