# What the models of OpenFlamingo v2 (https://arxiv.org/abs/2308.01390) have in common: OpenAI's CLIP ViT-L/14, a
# resampler of 64 latents, the tokenizer of GPT-NeoX, which puts no token first, and the prompts of their protocol.
_base_ = ['../protocols/openflamingo_v2.py']

model = dict(
    type='Flamingo',
    vision_backbone=dict(
        type='CLIPVisionTransformer',
        arch='l',
        img_size=224,
        patch_size=14,
        act='quick_gelu',
        pretrained='checkpoints/ViT-L-14.pt',
    ),
    resampler=dict(type='PerceiverResampler', depth=6, num_latents=64),
    language_model=dict(type='FlamingoLMAdapter', dtype='float32', media_index={{_base_.media_index}}),
    tokenizer=dict(type='FlamingoTokenizer', add_bos=False),
    prompts={{_base_.prompts}},
    data_preprocessor=dict(
        type='FlamingoDataPreprocessor',
        mean=[122.770938, 116.7460125, 104.09373615],
        std=[68.5005327, 66.6321579, 70.32316305],
    ),
)

how_to_get_weights = {
    'checkpoints/ViT-L-14.pt': 'download https://openaipublic.azureedge.net/clip/models/'
    'b8cca3fd41ae0c99ba7e8951adf17d267cdb84cd88be6f7c2e0eca1737a03836/ViT-L-14.pt',
}
