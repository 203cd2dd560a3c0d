_base_ = [
    '../_base_/default_runtime.py',
    '../_base_/models/flamingo-tiny.py',
    '../_base_/datasets/emoji-scenes_binding.py',
]

test_dataloader = dict(dataset=dict(num_shots=4, num_text_only_shots=0))
