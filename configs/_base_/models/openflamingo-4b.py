# OpenFlamingo-4B v2: RedPajama-INCITE 3B, gated cross-attention before every second decoder layer.
_base_ = ['./openflamingo-v2.py']

model = dict(
    language_model=dict(pretrained='checkpoints/RedPajama-INCITE-Base-3B-v1', xattn_every=2),
    tokenizer=dict(pretrained='checkpoints/RedPajama-INCITE-Base-3B-v1'),
)

how_to_get_weights = {
    'checkpoints/RedPajama-INCITE-Base-3B-v1': 'download all files of https://huggingface.co/togethercomputer/RedPajama-INCITE-Base-3B-v1 into it',
}
