# VATEX public test (6,000 videos), CIDEr; shots from train.
_base_ = ['../evaluation/videos.py']

test_dataloader = dict(
    dataset=dict(
        type='FlamingoEvalVATEX',
        data_root='data/vatex',
        ann_file='vatex_public_test_english_v1.1.json',
        support_ann_file='vatex_training_v1.0.json',
        data_prefix=dict(img_path='videos'),
        num_shots=0,
        num_support_examples=2048,
        num_query_examples=-1,
        seed=0,
        pipeline={{_base_.eval_pipeline}},
    )
)
test_evaluator = dict(type='COCOCaption')

how_to_get_data = {
    'data/vatex': 'download the files of https://eric-xw.github.io/vatex-website/download.html, and the parts of Kinetics-600 that '
    'they name to data/vatex/videos/{videoID}.mp4',
}
