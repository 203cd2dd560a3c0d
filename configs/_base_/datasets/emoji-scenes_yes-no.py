# The 509 yes/no questions of EmojiScenes val, half of them to be answered yes, as a close-ended set.
_base_ = ['./emoji-scenes_vqa.py']

eval_pipeline = [
    dict(type='AddChoices', choices=['no', 'yes']),
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
test_dataloader = dict(dataset=dict(answer_types=('yes/no',), pipeline=eval_pipeline))
test_evaluator = [dict(type='ROCAUC', positive='yes'), dict(type='ChoiceAccuracy')]
