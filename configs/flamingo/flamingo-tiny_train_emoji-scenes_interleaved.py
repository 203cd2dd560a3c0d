# The second stage of flamingo-tiny's training: what the benchmarks ask for, with 0 to 8 shots, fast binding among it. It goes
# on from the first one's weights with open gates (tools/converters/fold_gates.py).
_base_ = ['./flamingo-tiny_train_emoji-scenes.py']

load_from = 'work_dirs/flamingo-tiny_train_emoji-scenes/folded.pth'
captions, questions = _base_.captions, _base_.questions
# The zero shots of the Flamingo paper: two examples without their pictures.
text_only = dict(num_shots=(2,), text_only_prob=1.0)
binding = dict(
    dataset=dict(
        type='FlamingoEvalCOCOVQA',
        data_root='data/emoji_scenes',
        question_file='annotations/v2_OpenEnded_emoji_binding_train_questions.json',
        ann_file='annotations/v2_emoji_binding_train_annotations.json',
        data_prefix=dict(img_path='binding_train'),
        img_name='EMOJI_binding_train_{image_id:012d}.jpg',
        shot_selector='listed',
        num_query_examples=None,
    ),
)
train_dataloader = dict(
    dataset=dict(
        # A sequence of 8 shots and a query teaches all of 0 to 8 shots: each of its texts is learned.
        sources=[captions, questions, binding, {**captions, **text_only}, {**questions, **text_only}],
        weights=(0.16, 0.6, 0.14, 0.04, 0.06),
        num_shots=(8,),
        seed=1,
    ),
)
max_iters = 1500
train_cfg = dict(max_iters=max_iters)
optim_wrapper = dict(
    optimizer=dict(lr=2e-3), paramwise_cfg=dict(custom_keys={'_gate': dict(lr_mult=1.0)})
)  # they are open
param_scheduler = [
    dict(type='LinearLR', start_factor=0.1, begin=0, end=60, by_epoch=False),
    dict(type='CosineAnnealingLR', T_max=max_iters - 60, begin=60, end=max_iters, eta_min=2e-5, by_epoch=False),
]
default_hooks = dict(checkpoint=dict(interval=500))
