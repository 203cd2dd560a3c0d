# STAR val (7,098 questions), the mean accuracy of its four types of question; shots from train.
_base_ = ['../evaluation/videos.py']

test_dataloader = dict(
    dataset=dict(
        type='FlamingoEvalSTAR',
        data_root='data/star',
        ann_file='STAR_val.json',
        support_ann_file='STAR_train.json',
        data_prefix=dict(img_path='Charades_v1_480'),
        num_shots=0,
        num_support_examples=2048,
        num_query_examples=-1,
        seed=0,
        pipeline={{_base_.eval_pipeline}},
    )
)
test_evaluator = dict(type='ChoiceAccuracy', by='question_type', mean_of_groups=True)

how_to_get_data = {
    'data/star': 'download STAR_train.json and STAR_val.json from https://bobbywu.com/STAR/ and unpack Charades_v1_480.zip of '
    'https://prior.allenai.org/projects/charades in data/star',
}
