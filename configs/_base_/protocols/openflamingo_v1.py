# OpenFlamingo v1 as mmpretrain serves it: the protocol of the published 65.50 (COCO) and 43.50 (VQAv2). Zero shots are
# two text-only examples, the fixed ones of the prompt templates.
_base_ = ['../models/flamingo-9b.py']

protocol = 'openflamingo_v1'
shots = (0, 4, 8, 16, 32)
seeds = (0,)
media_index = {{_base_.model.language_model.media_index}}
datasets = dict(
    caption=dict(num_support_examples=2048, num_query_examples=5000),
    vqa=dict(num_support_examples=2048, num_query_examples=5000, answer_policy='majority'),
)
zero_shot_text_only = dict()
prompts = {{_base_.model.prompts}}
