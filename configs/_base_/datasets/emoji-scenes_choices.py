# Questions of EmojiScenes, answered by ranking the majority answers of the support set instead of by generated text.
_base_ = ['./emoji-scenes_vqa.py']

eval_pipeline = [
    dict(type='AddChoices', choices_file='data/emoji_scenes/annotations/v2_emoji_support_annotations.json'),
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
test_dataloader = dict(dataset=dict(pipeline=eval_pipeline))
