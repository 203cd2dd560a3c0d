_base_ = [
    '../_base_/default_runtime.py',
    '../_base_/models/flamingo-9b.py',
    '../_base_/datasets/coco_caption.py',
]

test_dataloader = dict(dataset=dict(num_shots=8))
