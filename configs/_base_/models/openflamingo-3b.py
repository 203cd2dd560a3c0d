# OpenFlamingo-3B v2: MPT-1B, gated cross-attention before every decoder layer. transformers has no such model (it has
# MPT without normalised queries and keys), so the Python files beside the weights run: read them first.
_base_ = ['./openflamingo-v2.py']

model = dict(
    language_model=dict(
        pretrained='checkpoints/mpt-1b-redpajama-200b',
        xattn_every=1,
        layers_path='transformer.blocks',
        trust_remote_code=True,
    ),
    tokenizer=dict(pretrained='checkpoints/mpt-1b-redpajama-200b'),
)

how_to_get_weights = {
    'checkpoints/mpt-1b-redpajama-200b': 'download all files of '
    'https://huggingface.co/anas-awadalla/mpt-1b-redpajama-200b into it',
}
