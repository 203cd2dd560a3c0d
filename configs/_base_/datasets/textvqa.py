# TextVQA val (5,000 questions); shots from train. The images of both lie in train_images.
_base_ = ['../evaluation/images.py']

test_dataloader = dict(
    dataset=dict(
        type='FlamingoEvalTextVQA',
        data_root='data/textvqa',
        ann_file='TextVQA_0.5.1_val.json',
        support_ann_file='TextVQA_0.5.1_train.json',
        data_prefix=dict(img_path='train_images'),
        num_shots=0,
        num_support_examples=2048,
        num_query_examples=5000,
        seed=0,
        pipeline={{_base_.eval_pipeline}},
    )
)
test_evaluator = dict(type='VQAAcc')

how_to_get_data = {
    'data/textvqa/train_images': 'unpack https://dl.fbaipublicfiles.com/textvqa/images/train_val_images.zip '
    'in data/textvqa',
    'data/textvqa': 'download https://dl.fbaipublicfiles.com/textvqa/data/TextVQA_0.5.1_train.json and '
    'TextVQA_0.5.1_val.json to data/textvqa',
}
