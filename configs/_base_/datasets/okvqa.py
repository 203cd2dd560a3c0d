# OK-VQA val (5,046 questions), answers compared by their stems; shots from train.
_base_ = ['../evaluation/images.py']

test_dataloader = dict(
    dataset=dict(
        type='FlamingoEvalCOCOVQA',
        data_root='data/coco',
        question_file='annotations/OpenEnded_mscoco_val2014_questions.json',
        ann_file='annotations/mscoco_val2014_annotations.json',
        data_prefix=dict(img_path='val2014'),
        support_question_file='annotations/OpenEnded_mscoco_train2014_questions.json',
        support_ann_file='annotations/mscoco_train2014_annotations.json',
        support_data_prefix=dict(img_path='train2014'),
        num_shots=0,
        num_support_examples=2048,
        num_query_examples=-1,
        seed=0,
        pipeline={{_base_.eval_pipeline}},
    )
)
test_evaluator = dict(type='VQAAcc', stemmed=True)

how_to_get_data = {
    'data/coco/annotations': 'unpack the v1.1 questions and annotations of https://okvqa.allenai.org/download.html '
    'in data/coco/annotations',
    'data/coco/train2014': 'unpack http://images.cocodataset.org/zips/train2014.zip in data/coco',
    'data/coco/val2014': 'unpack http://images.cocodataset.org/zips/val2014.zip in data/coco',
}
