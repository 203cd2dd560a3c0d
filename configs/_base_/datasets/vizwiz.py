# VizWiz val (4,319 questions); shots from train. For the server of the test split set ann_file='test.json',
# data_prefix=dict(img_path='test') and test_evaluator=dict(type='ReportVQA', file_path=..., id_key='image').
_base_ = ['../evaluation/images.py']

test_dataloader = dict(
    dataset=dict(
        type='FlamingoEvalVizWiz',
        data_root='data/vizwiz',
        ann_file='val.json',
        data_prefix=dict(img_path='val'),
        support_ann_file='train.json',
        support_data_prefix=dict(img_path='train'),
        num_shots=0,
        num_support_examples=2048,
        num_query_examples=-1,
        seed=0,
        pipeline={{_base_.eval_pipeline}},
    )
)
test_evaluator = dict(type='VQAAcc')

how_to_get_data = {
    'data/vizwiz': 'unpack the annotations and the images of train and val of '
    'https://vizwiz.org/tasks-and-datasets/vqa/ in data/vizwiz',
}
