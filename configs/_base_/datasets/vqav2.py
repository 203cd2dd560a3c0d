# VQAv2 val: queries and supports, disjoint by image, from one file pair. For the test-dev server, set question_file and
# data_prefix to those of test-dev2015, ann_file='', take shots from val by support_*, and test_evaluator='ReportVQA'.
_base_ = ['../evaluation/images.py']

test_dataloader = dict(
    dataset=dict(
        type='FlamingoEvalCOCOVQA',
        data_root='data/coco',
        question_file='annotations/v2_OpenEnded_mscoco_val2014_questions.json',
        ann_file='annotations/v2_mscoco_val2014_annotations.json',
        data_prefix=dict(img_path='val2014'),
        num_shots=0,
        num_support_examples=2048,
        num_query_examples=5000,
        seed=0,
        pipeline={{_base_.eval_pipeline}},
    )
)
test_evaluator = dict(type='VQAAcc')

how_to_get_data = {
    'data/coco/annotations/v2_OpenEnded_mscoco_val2014_questions.json': 'unpack '
    'https://s3.amazonaws.com/cvmlp/vqa/mscoco/vqa/v2_Questions_Val_mscoco.zip in data/coco/annotations',
    'data/coco/annotations/v2_mscoco_val2014_annotations.json': 'unpack '
    'https://s3.amazonaws.com/cvmlp/vqa/mscoco/vqa/v2_Annotations_Val_mscoco.zip in data/coco/annotations',
    'data/coco/val2014': 'unpack http://images.cocodataset.org/zips/val2014.zip in data/coco',
}
