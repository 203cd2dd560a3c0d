# COCO captions, the way the numbers of OpenFlamingo v1 were measured: queries and supports, disjoint by image, from
# the 2014 training annotations.
_base_ = ['../evaluation/images.py']

test_dataloader = dict(
    dataset=dict(
        type='FlamingoEvalCOCOCaption',
        data_root='data/coco',
        ann_file='annotations/captions_train2014.json',
        data_prefix=dict(img_path='train2014'),
        num_shots=0,
        num_support_examples=2048,
        num_query_examples=5000,
        seed=0,
        pipeline={{_base_.eval_pipeline}},
    )
)
test_evaluator = dict(type='COCOCaption')

how_to_get_data = {
    'data/coco/annotations/captions_train2014.json': 'unpack '
    'http://images.cocodataset.org/annotations/annotations_trainval2014.zip in data/coco',
    'data/coco/train2014': 'unpack http://images.cocodataset.org/zips/train2014.zip in data/coco',
}
