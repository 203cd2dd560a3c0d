# iVQA test (2,000 questions), full credit for what two of five annotators said; shots from train.
_base_ = ['../evaluation/videos.py']

test_dataloader = dict(
    dataset=dict(
        type='FlamingoEvalIVQA',
        data_root='data/ivqa',
        ann_file='test.csv',
        support_ann_file='train.csv',
        data_prefix=dict(img_path='videos'),
        num_shots=0,
        num_support_examples=2048,
        num_query_examples=-1,
        seed=0,
        pipeline={{_base_.eval_pipeline}},
    )
)
test_evaluator = dict(type='AnswerMatch', full_credit=2)

how_to_get_data = {
    'data/ivqa': 'fetch the CSV files of iVQA as https://github.com/antoyang/just-ask says, and the YouTube videos that they '
    'name to data/ivqa/videos/{video_id}.mp4',
}
