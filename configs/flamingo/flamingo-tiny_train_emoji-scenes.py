# The first stage of flamingo-tiny's training: interleaved sequences of pictures, each with one text. Descriptions of all
# that a picture shows teach the model to see, questions and captions what to make of it.
_base_ = [
    '../_base_/default_runtime.py',
    '../_base_/schedules/cosine_bf16.py',
    '../_base_/models/flamingo-tiny.py',
]

encoder = 'work_dirs/coca-tiny_emoji-scenes_inventories/iter_1500.pth'
model = dict(
    vision_backbone=dict(pretrained=encoder),
    resampler=dict(pretrained=encoder),
    language_model=dict(
        config=None,
        pretrained='work_dirs/llama-tiny_emoji-scenes/pretrained',
        init_scale=12.0,  # the hidden states of this language model have an RMS of 3 to 7
    ),
    prompts=dict(
        inventory=dict(type='PromptTemplate', shot='<image>{caption}<|endofchunk|>', query='<image>', output='caption'),
    ),
)
data_root = 'data/emoji_scenes'
captions = dict(
    dataset=dict(
        type='COCOCaption',
        data_root=data_root,
        ann_file='annotations/captions_train.json',
        data_prefix=dict(img_path='train'),
    ),
)
inventories = dict(
    dataset=dict(
        type='COCOCaption',
        task='inventory',
        data_root=data_root,
        ann_file='annotations/inventories_train.json',
        data_prefix=dict(img_path='train'),
    ),
)
questions = dict(
    dataset=dict(
        type='COCOVQA',
        data_root=data_root,
        question_file='annotations/v2_OpenEnded_emoji_train_questions.json',
        ann_file='annotations/v2_emoji_train_annotations.json',
        data_prefix=dict(img_path='train'),
        img_name='EMOJI_train_{image_id:012d}.jpg',
    ),
)
train_dataloader = dict(
    batch_size=8,  # of each of 2 processes
    num_workers=1,
    persistent_workers=True,
    sampler=dict(type='EpochSampler', shuffle=True),
    collate_fn=dict(type='pseudo_collate'),
    dataset=dict(
        type='InterleavedDataset',
        sources=[captions, inventories, questions],
        weights=(0.2, 0.3, 0.5),
        num_shots=(7,),
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
max_iters = 4000
train_cfg = dict(type='IterBasedTrainLoop', max_iters=max_iters)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, begin=0, end=60, by_epoch=False),
    dict(type='CosineAnnealingLR', T_max=max_iters - 60, begin=60, end=max_iters, eta_min=1e-4, by_epoch=False),
]
default_hooks = dict(checkpoint=dict(interval=500))
