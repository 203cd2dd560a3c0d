# AdamW in bfloat16 with a linear warm-up and a cosine decay; a config sets max_iters, and the rates with it.
optim_wrapper = dict(
    type='Bf16OptimWrapper',
    optimizer=dict(type='AdamW', lr=1e-3, betas=(0.9, 0.98), weight_decay=0.05),
    clip_grad=dict(max_norm=1.0),
)
