# What all tests on pictures and clips of emoji share: 128 x 128 pixels.
load_pictures = dict(
    type='ApplyToList',
    scatter_key='img_path',
    transforms=[
        dict(type='LoadImageFromFile'),
        dict(type='ResizeEdge', scale=128),
        dict(type='CenterCrop', crop_size=128),
    ],
    collate_keys=['img'],
    cache_bytes=512 * 2**20,  # a worker, at most
)
eval_pipeline = [load_pictures, dict(type='PackInputs')]
test_dataloader = dict(
    batch_size=50,
    num_workers=1,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
)
test_cfg = dict(type='TestLoop')
