# The first stage of flamingo-smollm2-135m's training: flamingo-tiny's data and resampler with SmolLM2-135M for the language
# model. Short sequences, every text of which is learned, at a constant rate.
_base_ = ['./flamingo-tiny_train_emoji-scenes.py', '../_base_/models/smollm2-135m.py']

model = dict(
    vision_backbone=_base_.smollm2.vision_backbone,
    resampler=_base_.smollm2.vision_backbone,
    language_model=dict(_delete_=True, init_scale=10.0, lm_dtype='bfloat16', **_base_.smollm2.language_model),
    tokenizer=dict(_delete_=True, **_base_.smollm2.tokenizer),
    train_token_embeddings='logits',  # its vocabulary lacks <|endofchunk|> and <image>
)
train_dataloader = dict(
    batch_size=4,
    dataset=dict(weights=(0.45, 0.3, 0.25), num_shots=(3,)),
)
optim_wrapper = dict(optimizer=dict(lr=1.5e-3))
max_iters = 1000
train_cfg = dict(max_iters=max_iters)
param_scheduler = [dict(type='LinearLR', start_factor=0.05, begin=0, end=30, by_epoch=False)]
default_hooks = dict(checkpoint=dict(interval=200))
