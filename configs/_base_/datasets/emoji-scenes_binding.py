# Fast binding: 200 queries of 100 episodes in which two things get new words.
_base_ = ['./emoji-scenes_vqa.py']

test_dataloader = dict(
    dataset=dict(
        question_file='annotations/v2_OpenEnded_emoji_binding_questions.json',
        ann_file='annotations/v2_emoji_binding_annotations.json',
        data_prefix=dict(img_path='binding'),
        img_name='EMOJI_binding_{image_id:012d}.jpg',
        support_question_file=None,
        support_ann_file=None,
        support_data_prefix=None,
        support_img_name=None,
        shot_selector='listed',
        num_shots=4,
        num_text_only_shots=0,
    )
)
