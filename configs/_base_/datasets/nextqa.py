# NExT-QA test, multiple choice, accuracy by type of question too; shots from train.
_base_ = ['../evaluation/videos.py']

test_dataloader = dict(
    dataset=dict(
        type='FlamingoEvalNExTQA',
        data_root='data/nextqa',
        ann_file='test.csv',
        support_ann_file='train.csv',
        data_prefix=dict(img_path='NExTVideo'),
        map_file='map_vid_vidorID.json',
        num_shots=0,
        num_support_examples=2048,
        num_query_examples=-1,
        seed=0,
        pipeline={{_base_.eval_pipeline}},
    )
)
test_evaluator = dict(type='NExTQAAccuracy')

how_to_get_data = {
    'data/nextqa': 'fetch the CSV files of multiple choice, map_vid_vidorID.json and the videos as '
    'https://github.com/doc-doc/NExT-QA says',
}
