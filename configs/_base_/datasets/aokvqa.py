# A-OKVQA val (1,145 questions), multiple choice; shots from train. For direct answers set multiple_choice=False and
# test_evaluator=dict(type='AnswerMatch', full_credit=3).
_base_ = ['../evaluation/images.py']

test_dataloader = dict(
    dataset=dict(
        type='FlamingoEvalAOKVQA',
        data_root='data',
        ann_file='aokvqa/aokvqa_v1p0_val.json',
        data_prefix=dict(img_path='coco/val2017'),
        support_ann_file='aokvqa/aokvqa_v1p0_train.json',
        support_data_prefix=dict(img_path='coco/train2017'),
        multiple_choice=True,
        num_shots=0,
        num_support_examples=2048,
        num_query_examples=-1,
        seed=0,
        pipeline={{_base_.eval_pipeline}},
    )
)
test_evaluator = dict(type='ChoiceAccuracy')

how_to_get_data = {
    'data/aokvqa': 'unpack https://prior-datasets.s3.us-east-2.amazonaws.com/aokvqa/aokvqa_v1p0.tar.gz in data/aokvqa',
    'data/coco/train2017': 'unpack http://images.cocodataset.org/zips/train2017.zip in data/coco',
    'data/coco/val2017': 'unpack http://images.cocodataset.org/zips/val2017.zip in data/coco',
}
