# The vision encoder of flamingo-tiny: a ViT of 2.9 M parameters, trained with open_clip's CoCa loss on EmojiScenes.
_base_ = ['../_base_/default_runtime.py', '../_base_/schedules/cosine_bf16.py']

model = dict(
    type='CLIPPretraining',
    vision_backbone=dict(type='CLIPVisionTransformer', arch='tiny', img_size=128, patch_size=16, act='gelu'),
    tokenizer=dict(type='FlamingoTokenizer', pretrained='checkpoints/flamingo-tiny/tokenizer'),
    embed_dims=192,
    text_depth=2,
    decoder_depth=2,
    heads=3,
    caption_loss_weight=2.0,
    data_preprocessor=dict(
        type='PictureDataPreprocessor',
        mean=[122.770938, 116.7460125, 104.09373615],
        std=[68.5005327, 66.6321579, 70.32316305],
    ),
)
train_dataloader = dict(
    batch_size=192,
    num_workers=1,
    persistent_workers=True,
    sampler=dict(type='EpochSampler', shuffle=True),
    collate_fn=dict(type='pseudo_collate'),
    dataset=dict(
        type='InterleavedDataset',
        num_shots=[0],
        sources=[
            dict(
                type='COCOCaption',
                data_root='data/emoji_scenes',
                ann_file='annotations/captions_train.json',
                data_prefix=dict(img_path='train'),
            )
        ],
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
max_iters = 1100
train_cfg = dict(type='IterBasedTrainLoop', max_iters=max_iters)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, begin=0, end=60, by_epoch=False),
    dict(type='CosineAnnealingLR', T_max=max_iters - 60, begin=60, end=max_iters, eta_min=1e-5, by_epoch=False),
]
default_hooks = dict(checkpoint=dict(interval=400))
