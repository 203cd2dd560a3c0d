# EmojiClips val: 900 questions about 600 clips, of which the model sees 4 of 9 frames. No shots.
_base_ = ['../evaluation/emoji_pictures.py']

eval_pipeline = [
    dict(
        type='ApplyToList',
        scatter_key='img_path',
        transforms=[dict(type='LoadVideoFrames', num_frames=4)],
        collate_keys=['img'],
    ),
    dict(type='PackInputs'),
]
test_dataloader = dict(
    dataset=dict(
        type='MSVDQA',
        data_root='data/emoji_clips',
        ann_file='val_qa.json',
        data_prefix=dict(img_path='videos'),
        video_name='clip{video_id}.avi',
        pipeline=eval_pipeline,
    )
)
test_evaluator = dict(type='AnswerMatch', by='question_type')

how_to_get_data = {
    'data/emoji_clips': 'python tools/dataset_converters/emoji_clips.py --splits val',
}
