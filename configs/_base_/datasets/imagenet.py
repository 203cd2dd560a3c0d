# ImageNet-1k val: 5,000 of its 50,000 images (num_query_examples=-1 takes all), top-1 and top-5 of 1,000 names; shots
# from train. Equal files are not looked for among 1.3 million.
_base_ = ['../evaluation/images.py']

test_dataloader = dict(
    dataset=dict(
        type='FlamingoEvalImageNet',
        data_root='data/imagenet',
        ann_file='meta/val.txt',
        class_file='meta/classes.txt',
        data_prefix=dict(img_path='val'),
        support_ann_file='meta/train.txt',
        support_data_prefix=dict(img_path='train'),
        num_shots=0,
        num_support_examples=5000,
        num_query_examples=5000,
        find_twins=False,
        seed=0,
        pipeline={{_base_.eval_pipeline}},
    )
)
test_evaluator = dict(type='ChoiceAccuracy', topk=(1, 5))

how_to_get_data = {
    'data/imagenet/meta/classes.txt': 'write the 1,000 names in the order of the wnids, one a line, such as '
    'those of CLIP in open_clip.IMAGENET_CLASSNAMES',
    'data/imagenet/meta': 'unpack https://download.openmmlab.com/mmclassification/datasets/imagenet/meta/'
    'caffe_ilsvrc12.tar.gz in data/imagenet/meta',
    'data/imagenet': 'unpack the images of https://image-net.org/download: train in a folder for each wnid, val flat',
}
