# VQAv2 val: queries and supports, disjoint by image, from one file pair. For the test-dev server, set question_file and
# data_prefix to those of test-dev2015, ann_file='', take shots from val by support_*, and test_evaluator='ReportVQA'.
eval_pipeline = [
    dict(
        type='ApplyToList',
        scatter_key='img_path',
        transforms=[
            dict(type='LoadImageFromFile'),
            dict(type='ResizeEdge', scale=224),
            dict(type='CenterCrop', crop_size=224),
        ],
        collate_keys=['img'],
        cache_bytes=512 * 2**20,  # a worker, at most
    ),
    dict(type='PackInputs'),
]
test_dataloader = dict(
    batch_size=8,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
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
        pipeline=eval_pipeline,
    ),
)
test_cfg = dict(type='TestLoop')
test_evaluator = dict(type='VQAAcc')

how_to_get_data = {
    'data/coco/annotations/v2_OpenEnded_mscoco_val2014_questions.json': 'unpack '
    'https://s3.amazonaws.com/cvmlp/vqa/mscoco/vqa/v2_Questions_Val_mscoco.zip in data/coco/annotations',
    'data/coco/annotations/v2_mscoco_val2014_annotations.json': 'unpack '
    'https://s3.amazonaws.com/cvmlp/vqa/mscoco/vqa/v2_Annotations_Val_mscoco.zip in data/coco/annotations',
    'data/coco/val2014': 'unpack http://images.cocodataset.org/zips/val2014.zip in data/coco',
}
