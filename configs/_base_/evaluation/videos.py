# What all tests on videos share: 8 frames of each, spread evenly, of 224 x 224 pixels. The Flamingo paper tests with 30
# at 3 a second: num_frames=30, fps=3, for a resampler with temporal embeddings (max_frames).
eval_pipeline = [
    dict(
        type='ApplyToList',
        scatter_key='img_path',
        transforms=[
            dict(type='LoadVideoFrames', num_frames=8),
            dict(
                type='ApplyToList',
                scatter_key='img',
                transforms=[
                    dict(type='ResizeEdge', scale=224),
                    dict(type='CenterCrop', crop_size=224),
                ],
                collate_keys=['img'],
            ),
        ],
        collate_keys=['img'],
        cache_bytes=512 * 2**20,  # a worker, at most
    ),
    dict(type='PackInputs'),
]
test_dataloader = dict(
    batch_size=4,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
)
test_cfg = dict(type='TestLoop')
