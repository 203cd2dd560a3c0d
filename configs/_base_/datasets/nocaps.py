# NoCaps val (4,500 images), CIDEr of each domain too; shots from COCO, as NoCaps has no training captions.
_base_ = ['../evaluation/images.py']

test_dataloader = dict(
    dataset=dict(
        type='FlamingoEvalCOCOCaption',
        data_root='data',
        ann_file='nocaps/nocaps_val_4500_captions.json',
        data_prefix=dict(img_path='nocaps/val'),
        support_ann_file='coco/annotations/captions_train2014.json',
        support_data_prefix=dict(img_path='coco/train2014'),
        num_shots=0,
        num_support_examples=2048,
        num_query_examples=4500,
        seed=0,
        pipeline={{_base_.eval_pipeline}},
    )
)
test_evaluator = dict(type='COCOCaption', by='domain')

how_to_get_data = {
    'data/nocaps/nocaps_val_4500_captions.json': 'download it from https://nocaps.org/download',
    'data/nocaps/val': 'download the images that the coco_url of each entry of nocaps_val_4500_captions.json names',
    'data/coco/annotations/captions_train2014.json': 'unpack '
    'http://images.cocodataset.org/annotations/annotations_trainval2014.zip in data/coco',
    'data/coco/train2014': 'unpack http://images.cocodataset.org/zips/train2014.zip in data/coco',
}
