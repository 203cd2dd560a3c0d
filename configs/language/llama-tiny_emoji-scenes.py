# The language model of flamingo-tiny: a LLaMA of 2.8 M parameters, trained on the text of EmojiScenes.
_base_ = ['../_base_/default_runtime.py', '../_base_/schedules/cosine_bf16.py']

tokenizer = dict(type='FlamingoTokenizer', pretrained='checkpoints/flamingo-tiny/tokenizer')
model = dict(
    type='CausalLMPretraining',
    config=dict(
        model_type='llama',
        vocab_size=1024,
        hidden_size=192,
        intermediate_size=512,
        num_hidden_layers=6,
        num_attention_heads=6,
        max_position_embeddings=1024,
        bos_token_id=0,
        eos_token_id=1,
        pad_token_id=4,
        tie_word_embeddings=True,
        attn_implementation='eager',  # on short blocks faster than sdpa on a CPU
    ),
)
train_dataloader = dict(
    batch_size=16,
    num_workers=0,
    collate_fn=dict(type='default_collate'),
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(type='TextBlocks', ann_file='data/emoji_scenes/text/train.txt', tokenizer=tokenizer, block_size=256),
)
max_iters = 2800
train_cfg = dict(type='IterBasedTrainLoop', max_iters=max_iters)
optim_wrapper = dict(optimizer=dict(lr=2e-3))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, begin=0, end=100, by_epoch=False),
    dict(type='CosineAnnealingLR', T_max=max_iters - 100, begin=100, end=max_iters, eta_min=1e-5, by_epoch=False),
]
default_hooks = dict(checkpoint=dict(interval=700))
custom_hooks = [dict(type='ExportPretrainedHook', out_dir='work_dirs/llama-tiny_emoji-scenes/pretrained')]
