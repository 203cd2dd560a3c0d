# What all tests on images share: 224 x 224 pixels, the short edge resized, the middle cut out.
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
)
test_cfg = dict(type='TestLoop')
