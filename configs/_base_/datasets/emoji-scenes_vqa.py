# Questions of EmojiScenes in VQAv2's files: 1,500 about 500 val pictures; 256 support pictures for the shots.
_base_ = ['../evaluation/emoji_pictures.py']

test_dataloader = dict(
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
        pipeline={{_base_.eval_pipeline}},
    )
)
test_evaluator = dict(type='VQAAcc')
