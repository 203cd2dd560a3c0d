# OpenFlamingo-4B (I) v2: the instruction-tuned language model.
_base_ = ['./openflamingo-4b.py']

model = dict(
    language_model=dict(pretrained='checkpoints/RedPajama-INCITE-Instruct-3B-v1'),
    tokenizer=dict(pretrained='checkpoints/RedPajama-INCITE-Instruct-3B-v1'),
)

how_to_get_weights = {
    'checkpoints/RedPajama-INCITE-Instruct-3B-v1': 'download all files of https://huggingface.co/togethercomputer/RedPajama-INCITE-Instruct-3B-v1 into it',
}
