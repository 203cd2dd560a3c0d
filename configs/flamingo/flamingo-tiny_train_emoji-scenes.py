# The first stage of flamingo-tiny's training: one picture with one caption or answer a sequence, many a step. The second
# stage, flamingo-tiny_train_emoji-scenes_interleaved.py, goes on with sequences of several.
_base_ = [
    '../_base_/default_runtime.py',
    '../_base_/schedules/cosine_bf16.py',
    '../_base_/models/flamingo-tiny.py',
]

model = dict(
    vision_backbone=dict(pretrained='work_dirs/coca-tiny_emoji-scenes/iter_1100.pth'),
    language_model=dict(config=None, pretrained='work_dirs/llama-tiny_emoji-scenes/pretrained'),
)
data_root = 'data/emoji_scenes'
sources = [
    dict(
        dataset=dict(
            type='COCOCaption',
            data_root=data_root,
            ann_file='annotations/captions_train.json',
            data_prefix=dict(img_path='train'),
        ),
    ),
    dict(
        dataset=dict(
            type='COCOVQA',
            data_root=data_root,
            question_file='annotations/v2_OpenEnded_emoji_train_questions.json',
            ann_file='annotations/v2_emoji_train_annotations.json',
            data_prefix=dict(img_path='train'),
            img_name='EMOJI_train_{image_id:012d}.jpg',
        ),
    ),
]
train_dataloader = dict(
    batch_size=96,
    num_workers=1,
    persistent_workers=True,
    sampler=dict(type='EpochSampler', shuffle=True),
    collate_fn=dict(type='pseudo_collate'),
    dataset=dict(
        type='InterleavedDataset',
        sources=sources,
        weights=(0.5, 0.5),
        num_shots=(0,),
        length=120_000,
        pipeline=[
            dict(
                type='ApplyToList',
                scatter_key='img_path',
                transforms=[dict(type='LoadImageFromFile')],
                collate_keys=['img'],
            ),
            dict(type='PackInputs'),
        ],
    ),
)
# The gates start closed; at the rate of the weights they would still be half closed when the training ends.
optim_wrapper = dict(
    optimizer=dict(lr=2e-3),
    paramwise_cfg=dict(
        custom_keys={'_gate': dict(lr_mult=10.0, decay_mult=0.0), 'latents': dict(decay_mult=0.0)},
        norm_decay_mult=0.0,
    ),
)
max_iters = 1000
train_cfg = dict(type='IterBasedTrainLoop', max_iters=max_iters)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, begin=0, end=60, by_epoch=False),
    dict(type='CosineAnnealingLR', T_max=max_iters - 60, begin=60, end=max_iters, eta_min=5e-4, by_epoch=False),
]
default_hooks = dict(checkpoint=dict(interval=250))
