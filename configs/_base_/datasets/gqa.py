# GQA, balanced test-dev (12,578 questions); shots from balanced val. One reference, compared as it is.
_base_ = ['../evaluation/images.py']

test_dataloader = dict(
    dataset=dict(
        type='FlamingoEvalGQA',
        data_root='data/gqa',
        ann_file='testdev_balanced_questions.json',
        support_ann_file='val_balanced_questions.json',
        data_prefix=dict(img_path='images'),
        num_shots=0,
        num_support_examples=2048,
        num_query_examples=-1,
        seed=0,
        pipeline={{_base_.eval_pipeline}},
    )
)
test_evaluator = dict(type='AnswerMatch', by='question_type')

how_to_get_data = {
    'data/gqa/images': 'unpack https://downloads.cs.stanford.edu/nlp/data/gqa/images.zip in data/gqa',
    'data/gqa': 'unpack https://downloads.cs.stanford.edu/nlp/data/gqa/questions1.2.zip in data/gqa',
}
