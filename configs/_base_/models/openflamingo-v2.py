# What the models of OpenFlamingo v2 (https://arxiv.org/abs/2308.01390) have in common beside their eyes: the
# tokenizer of GPT-NeoX, which puts no token first, and the prompts of their protocol.
_base_ = ['./clip-vit-large.py', '../protocols/openflamingo_v2.py']

model = dict(
    type='Flamingo',
    vision_backbone=dict(pretrained='checkpoints/ViT-L-14.pt'),
    language_model=dict(type='FlamingoLMAdapter', dtype='float32', media_index={{_base_.media_index}}),
    tokenizer=dict(type='FlamingoTokenizer', add_bos=False),
    prompts={{_base_.prompts}},
)

how_to_get_weights = {
    'checkpoints/ViT-L-14.pt': 'download https://openaipublic.azureedge.net/clip/models/'
    'b8cca3fd41ae0c99ba7e8951adf17d267cdb84cd88be6f7c2e0eca1737a03836/ViT-L-14.pt',
}
