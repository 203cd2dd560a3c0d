# Captions of EmojiScenes: 500 val pictures as queries, 256 support pictures for the shots.
eval_pipeline = [
    dict(
        type='ApplyToList',
        scatter_key='img_path',
        transforms=[
            dict(type='LoadImageFromFile'),
            dict(type='ResizeEdge', scale=128),
            dict(type='CenterCrop', crop_size=128),
        ],
        collate_keys=['img'],
        cache_bytes=512 * 2**20,  # a worker, at most
    ),
    dict(type='PackInputs'),
]
test_dataloader = dict(
    batch_size=50,
    num_workers=1,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='FlamingoEvalCOCOCaption',
        data_root='data/emoji_scenes',
        ann_file='annotations/captions_val.json',
        data_prefix=dict(img_path='val'),
        support_ann_file='annotations/captions_support.json',
        support_data_prefix=dict(img_path='support'),
        num_shots=0,
        num_text_only_shots=2,
        seed=0,
        pipeline=eval_pipeline,
    ),
)
test_cfg = dict(type='TestLoop')
test_evaluator = dict(type='COCOCaption')
