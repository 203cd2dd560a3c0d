# Questions of EmojiScenes, answered by ranking the majority answers of the support set instead of by generated text.
_base_ = ['./emoji-scenes_vqa.py']

eval_pipeline = [
    dict(type='AddChoices', choices_file='data/emoji_scenes/annotations/v2_emoji_support_annotations.json'),
    {{_base_.load_pictures}},
    dict(type='PackInputs'),
]
test_dataloader = dict(dataset=dict(pipeline=eval_pipeline))
