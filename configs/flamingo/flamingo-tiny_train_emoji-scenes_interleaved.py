# The second stage of flamingo-tiny's training: what the benchmarks ask for, with 0 to 8 shots, fast binding among it.
_base_ = ['./flamingo-tiny_train_emoji-scenes.py']

load_from = 'work_dirs/flamingo-tiny_train_emoji-scenes/iter_4000.pth'
captions, questions = _base_.captions, _base_.questions
captions.text_only_prob = questions.text_only_prob = 0.25
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
    num_shots=(2, 4, 6, 8),
    shots_probs=(0.3, 0.3, 0.1, 0.3),
)
train_dataloader = dict(
    batch_size=12,  # of each of 2 processes
    dataset=dict(
        sources=[captions, questions, binding],
        weights=(0.35, 0.45, 0.2),
        num_shots=(0, 1, 2, 4, 8),
        shots_probs=(0.3, 0.1, 0.2, 0.2, 0.2),
        seed=1,
    ),
)
max_iters = 1200
train_cfg = dict(max_iters=max_iters)
optim_wrapper = dict(optimizer=dict(lr=1e-3))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.1, begin=0, end=20, by_epoch=False),
    dict(type='CosineAnnealingLR', T_max=max_iters - 20, begin=20, end=max_iters, eta_min=1e-5, by_epoch=False),
]
default_hooks = dict(checkpoint=dict(interval=400))
