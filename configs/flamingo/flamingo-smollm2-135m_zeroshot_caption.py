_base_ = ['./flamingo-tiny_zeroshot_caption.py', '../_base_/models/smollm2-135m.py']

model = dict(
    vision_backbone=_base_.smollm2.vision_backbone,
    language_model=dict(_delete_=True, **_base_.smollm2.language_model),
    tokenizer=dict(_delete_=True, **_base_.smollm2.tokenizer),
    train_token_embeddings='logits',
)
