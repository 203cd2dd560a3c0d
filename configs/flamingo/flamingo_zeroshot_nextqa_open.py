_base_ = [
    '../_base_/default_runtime.py',
    '../_base_/models/flamingo-9b.py',
    '../_base_/datasets/nextqa_open.py',
]
