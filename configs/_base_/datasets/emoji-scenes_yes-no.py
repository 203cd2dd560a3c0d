# The 509 yes/no questions of EmojiScenes val, half of them to be answered yes, as a close-ended set.
_base_ = ['./emoji-scenes_vqa.py']

eval_pipeline = [
    dict(type='AddChoices', choices=['no', 'yes']),
    {{_base_.load_pictures}},
    dict(type='PackInputs'),
]
test_dataloader = dict(dataset=dict(answer_types=('yes/no',), pipeline=eval_pipeline))
test_evaluator = [dict(type='ROCAUC', positive='yes'), dict(type='ChoiceAccuracy')]
