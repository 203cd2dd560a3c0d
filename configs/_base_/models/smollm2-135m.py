# SmolLM2-135M-Instruct, 30 layers of width 576, in the place of flamingo-tiny's language model; its eyes stay, frozen. What
# joins them has few parameters, so that it stays below 30 MB: gated cross-attention before every fifth layer, with half as
# wide feed-forwards as Flamingo's.
smollm2_file = 'checkpoints/smollm2-135m/SmolLM2-135M-Instruct.Q4_1.gguf'
smollm2 = dict(
    vision_backbone=dict(pretrained='checkpoints/flamingo-tiny/flamingo-tiny_emoji-scenes.pth'),
    language_model=dict(
        type='FlamingoLMAdapter',
        pretrained=smollm2_file,
        dtype='float32',
        xattn_every=5,
        ff_mult=2,
        media_index='preceding',
    ),
    tokenizer=dict(type='FlamingoTokenizer', pretrained=smollm2_file, vocab_size=49152),
)

how_to_get_weights = {
    'checkpoints/smollm2-135m': 'python tools/converters/fetch_smollm2.py',
}
