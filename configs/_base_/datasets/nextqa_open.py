# NExT-QA test, open-ended, WUPS by type of question too; shots from train.
_base_ = ['../evaluation/videos.py']

test_dataloader = dict(
    dataset=dict(
        type='FlamingoEvalNExTQAOpenEnded',
        data_root='data/nextqa_open',
        ann_file='test.csv',
        more_answers_file='add_reference_answer_test.json',
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
test_evaluator = dict(type='WUPS', stopwords_file='data/nextqa_open/stopwords.txt')

how_to_get_data = {
    'data/nextqa_open/stopwords.txt': 'fetch stopwords.txt of https://github.com/doc-doc/NExT-OE: it is beside eval_oe.py or '
    'in nextqa.zip',
    'data/nextqa_open': 'fetch the CSV files and add_reference_answer_test.json as https://github.com/doc-doc/NExT-OE says, '
    'and map_vid_vidorID.json and the videos as https://github.com/doc-doc/NExT-QA says',
}
