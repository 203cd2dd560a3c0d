# OpenFlamingo-9B v2: MPT-7B, gated cross-attention before every fourth decoder layer.
_base_ = ['./openflamingo-v2.py']

model = dict(
    language_model=dict(pretrained='checkpoints/mpt-7b', xattn_every=4),
    tokenizer=dict(pretrained='checkpoints/mpt-7b'),
)

how_to_get_weights = {
    'checkpoints/mpt-7b': 'download all files of https://huggingface.co/anas-awadalla/mpt-7b into it',
}
