# COCO captions, Karpathy's test split (5,000 images), the split of the Flamingo paper; shots from train and restval.
_base_ = ['../evaluation/images.py']

test_dataloader = dict(
    dataset=dict(
        type='FlamingoEvalCOCOCaption',
        data_root='data/coco',
        ann_file='annotations/dataset_coco.json',
        split='test',
        support_ann_file='annotations/dataset_coco.json',
        support_split=('train', 'restval'),
        num_shots=0,
        num_support_examples=2048,
        num_query_examples=5000,
        seed=0,
        pipeline={{_base_.eval_pipeline}},
    )
)
test_evaluator = dict(type='COCOCaption')

how_to_get_data = {
    'data/coco/annotations/dataset_coco.json': 'unpack '
    'https://cs.stanford.edu/people/karpathy/deepimagesent/caption_datasets.zip in data/coco/annotations',
    'data/coco': 'unpack http://images.cocodataset.org/zips/train2014.zip and val2014.zip in data/coco',
}
