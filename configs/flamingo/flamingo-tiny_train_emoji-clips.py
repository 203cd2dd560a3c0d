# flamingo-tiny learns to see videos: its weights go on with four frames a clip and fresh embeddings of time and place.
_base_ = [
    '../_base_/default_runtime.py',
    '../_base_/schedules/cosine_bf16.py',
    '../_base_/models/flamingo-tiny.py',
]

load_from = 'checkpoints/flamingo-tiny/flamingo-tiny_emoji-scenes.pth'
fresh_parameters = ['resampler.frame_embs', 'resampler.patch_embs']  # the image model has none
model = dict(
    resampler=dict(max_frames=4, grid_size=8),
    feature_cache_bytes=2**30,  # enough for all clips
)
questions = dict(
    type='MSVDQA',
    data_root='data/emoji_clips',
    ann_file='train_qa.json',
    data_prefix=dict(img_path='videos'),
    video_name='clip{video_id}.avi',
)
train_dataloader = dict(
    batch_size=32,
    num_workers=1,
    persistent_workers=True,
    sampler=dict(type='EpochSampler', shuffle=True),
    collate_fn=dict(type='pseudo_collate'),
    dataset=dict(
        type='InterleavedDataset',
        sources=[questions],
        num_shots=(0,),
        pipeline=[
            dict(
                type='ApplyToList',
                scatter_key='img_path',
                transforms=[dict(type='LoadVideoFrames', num_frames=4)],
                collate_keys=['img'],
            ),
            dict(type='PackInputs'),
        ],
    ),
)
max_iters = 800
train_cfg = dict(type='IterBasedTrainLoop', max_iters=max_iters)
optim_wrapper = dict(
    optimizer=dict(lr=1.5e-3),
    paramwise_cfg=dict(
        custom_keys={'_gate': dict(decay_mult=0.0), 'latents': dict(decay_mult=0.0), '_embs': dict(decay_mult=0.0)},
        norm_decay_mult=0.0,
    ),
)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.1, begin=0, end=50, by_epoch=False),
    dict(type='CosineAnnealingLR', T_max=max_iters - 50, begin=50, end=max_iters, eta_min=2e-5, by_epoch=False),
]
default_hooks = dict(checkpoint=dict(interval=200))
