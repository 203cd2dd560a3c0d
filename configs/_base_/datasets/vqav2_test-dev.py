# VQAv2 test-dev: the answers are written to a file for the server; shots from train.
_base_ = ['../evaluation/images.py']

test_dataloader = dict(
    dataset=dict(
        type='FlamingoEvalCOCOVQA',
        data_root='data/coco',
        question_file='annotations/v2_OpenEnded_mscoco_test-dev2015_questions.json',
        data_prefix=dict(img_path='test2015'),
        support_question_file='annotations/v2_OpenEnded_mscoco_train2014_questions.json',
        support_ann_file='annotations/v2_mscoco_train2014_annotations.json',
        support_data_prefix=dict(img_path='train2014'),
        num_shots=0,
        num_support_examples=2048,
        num_query_examples=-1,
        seed=0,
        pipeline={{_base_.eval_pipeline}},
    )
)
test_evaluator = dict(type='ReportVQA', file_path='work_dirs/vqav2_test-dev.json')

how_to_get_data = {
    'data/coco/annotations': 'unpack v2_Questions_Train_mscoco.zip, v2_Questions_Test_mscoco.zip and '
    'v2_Annotations_Train_mscoco.zip of https://visualqa.org/download.html in data/coco/annotations',
    'data/coco/train2014': 'unpack http://images.cocodataset.org/zips/train2014.zip in data/coco',
    'data/coco/test2015': 'unpack http://images.cocodataset.org/zips/test2015.zip in data/coco',
}
