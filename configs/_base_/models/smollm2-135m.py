# SmolLM2-135M-Instruct, 30 layers of width 576, in the place of flamingo-tiny's language model; its eyes stay, frozen. Gated
# cross-attention before layers 14, 19, 24 and 29, none in the lower half: the training's backward pass ends at the first
# block, as the new tokens' embeddings learn by their logits alone. Feed-forwards a quarter as wide as Flamingo's keep what
# joins both small.
smollm2_file = 'checkpoints/smollm2-135m/SmolLM2-135M-Instruct.Q4_1.gguf'
smollm2 = dict(
    vision_backbone=dict(pretrained='checkpoints/flamingo-tiny/flamingo-tiny_emoji-scenes.pth'),
    language_model=dict(
        type='FlamingoLMAdapter',
        pretrained=smollm2_file,
        dtype='float32',
        xattn_every=5,
        xattn_from=14,
        ff_mult=1,
        media_index='preceding',
    ),
    tokenizer=dict(type='FlamingoTokenizer', pretrained=smollm2_file, vocab_size=49152),
)

how_to_get_weights = {
    'checkpoints/smollm2-135m': 'python tools/converters/fetch_smollm2.py',
}
