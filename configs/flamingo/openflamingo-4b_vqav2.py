_base_ = [
    '../_base_/default_runtime.py',
    '../_base_/models/openflamingo-4b.py',
    '../_base_/datasets/vqav2_train-val.py',
]

test_dataloader = dict(dataset=dict(num_shots=0))
