# HatefulMemes, test seen (1,000 memes), ROC-AUC; shots from train.
_base_ = ['../evaluation/images.py']

test_dataloader = dict(
    dataset=dict(
        type='FlamingoEvalHatefulMemes',
        data_root='data/hateful_memes',
        ann_file='test_seen.jsonl',
        support_ann_file='train.jsonl',
        num_shots=0,
        num_support_examples=2048,
        num_query_examples=-1,
        seed=0,
        pipeline={{_base_.eval_pipeline}},
    )
)
test_evaluator = [dict(type='ROCAUC', positive='yes'), dict(type='ChoiceAccuracy')]

how_to_get_data = {
    'data/hateful_memes': 'accept the licence at https://hatefulmemeschallenge.com and unpack the download (img/, '
    'train.jsonl, test_seen.jsonl, ...) in data/hateful_memes',
}
