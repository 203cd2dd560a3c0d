# Flickr30k, Karpathy's test split (1,000 images); shots from train.
_base_ = ['../evaluation/images.py']

test_dataloader = dict(
    dataset=dict(
        type='FlamingoEvalCOCOCaption',
        data_root='data/flickr30k',
        ann_file='dataset_flickr30k.json',
        split='test',
        support_ann_file='dataset_flickr30k.json',
        support_split='train',
        data_prefix=dict(img_path='flickr30k-images'),
        num_shots=0,
        num_support_examples=2048,
        num_query_examples=1000,
        seed=0,
        pipeline={{_base_.eval_pipeline}},
    )
)
test_evaluator = dict(type='COCOCaption')

how_to_get_data = {
    'data/flickr30k/dataset_flickr30k.json': 'unpack '
    'https://cs.stanford.edu/people/karpathy/deepimagesent/caption_datasets.zip in data/flickr30k',
    'data/flickr30k/flickr30k-images': 'ask for the images at https://shannon.cs.illinois.edu/DenotationGraph/',
}
