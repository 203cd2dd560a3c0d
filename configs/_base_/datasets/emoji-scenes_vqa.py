# Questions of EmojiScenes in VQAv2's files: 1,500 about 500 val pictures; 256 support pictures for the shots.
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
        type='FlamingoEvalCOCOVQA',
        data_root='data/emoji_scenes',
        question_file='annotations/v2_OpenEnded_emoji_val_questions.json',
        ann_file='annotations/v2_emoji_val_annotations.json',
        data_prefix=dict(img_path='val'),
        img_name='EMOJI_val_{image_id:012d}.jpg',
        support_question_file='annotations/v2_OpenEnded_emoji_support_questions.json',
        support_ann_file='annotations/v2_emoji_support_annotations.json',
        support_data_prefix=dict(img_path='support'),
        support_img_name='EMOJI_support_{image_id:012d}.jpg',
        num_shots=0,
        num_text_only_shots=2,
        seed=0,
        pipeline=eval_pipeline,
    ),
)
test_cfg = dict(type='TestLoop')
test_evaluator = dict(type='VQAAcc')
