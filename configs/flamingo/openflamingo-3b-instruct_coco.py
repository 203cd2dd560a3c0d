_base_ = [
    '../_base_/default_runtime.py',
    '../_base_/models/openflamingo-3b-instruct.py',
    '../_base_/datasets/coco_karpathy.py',
]

test_dataloader = dict(dataset=dict(num_shots=0, zero_shot_text_only=2, support_split='train'))
