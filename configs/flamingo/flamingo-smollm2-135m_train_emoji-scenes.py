# flamingo-tiny's first stage of training with SmolLM2-135M for the language model, from flamingo-tiny's resampler.
_base_ = ['./flamingo-tiny_train_emoji-scenes.py', '../_base_/models/smollm2-135m.py']

model = dict(
    vision_backbone=_base_.smollm2.vision_backbone,
    resampler=_base_.smollm2.vision_backbone,
    language_model=dict(_delete_=True, **_base_.smollm2.language_model),
    tokenizer=dict(_delete_=True, **_base_.smollm2.tokenizer),
    train_token_embeddings=True,  # its vocabulary lacks <|endofchunk|> and <image>
)
