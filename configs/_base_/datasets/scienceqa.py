# ScienceQA, the test questions with an image (2,017), multiple choice, accuracy by subject too; shots from train.
_base_ = ['../evaluation/images.py']

test_dataloader = dict(
    dataset=dict(
        type='FlamingoEvalScienceQA',
        data_root='data/scienceqa',
        ann_file='problems.json',
        split='test',
        support_split='train',
        num_shots=0,
        num_support_examples=2048,
        num_query_examples=-1,
        seed=0,
        pipeline={{_base_.eval_pipeline}},
    )
)
test_evaluator = dict(type='ChoiceAccuracy', by='question_type')

how_to_get_data = {
    'data/scienceqa': 'problems.json lies in data/scienceqa of https://github.com/lupantech/ScienceQA, and '
    'tools/download.sh there fetches the images of train, val and test',
}
