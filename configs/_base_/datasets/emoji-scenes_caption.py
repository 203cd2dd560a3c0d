# Captions of EmojiScenes: 500 val pictures as queries, 256 support pictures for the shots.
_base_ = ['../evaluation/emoji_pictures.py']

test_dataloader = dict(
    dataset=dict(
        type='FlamingoEvalCOCOCaption',
        data_root='data/emoji_scenes',
        ann_file='annotations/captions_val.json',
        data_prefix=dict(img_path='val'),
        support_ann_file='annotations/captions_support.json',
        support_data_prefix=dict(img_path='support'),
        num_shots=0,
        num_text_only_shots=2,
        seed=0,
        pipeline={{_base_.eval_pipeline}},
    )
)
test_evaluator = dict(type='COCOCaption')
