# OpenFlamingo-3B (I) v2: the instruction-tuned language model.
_base_ = ['./openflamingo-3b.py']

model = dict(
    language_model=dict(pretrained='checkpoints/mpt-1b-redpajama-200b-dolly'),
    tokenizer=dict(pretrained='checkpoints/mpt-1b-redpajama-200b-dolly'),
)

how_to_get_weights = {
    'checkpoints/mpt-1b-redpajama-200b-dolly': 'download all files of https://huggingface.co/anas-awadalla/mpt-1b-redpajama-200b-dolly into it',
}
