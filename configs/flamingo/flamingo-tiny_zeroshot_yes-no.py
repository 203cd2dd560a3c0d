_base_ = [
    '../_base_/default_runtime.py',
    '../_base_/models/flamingo-tiny.py',
    '../_base_/datasets/emoji-scenes_yes-no.py',
]
