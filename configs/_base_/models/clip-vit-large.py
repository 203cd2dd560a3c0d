# The eyes of all published Flamingos, at 224 x 224 pixels: OpenAI's CLIP ViT-L/14, and a resampler of 64 latents.
model = dict(
    vision_backbone=dict(type='CLIPVisionTransformer', arch='l', img_size=224, patch_size=14, act='quick_gelu'),
    resampler=dict(type='PerceiverResampler', depth=6, num_latents=64),
    data_preprocessor=dict(
        type='FlamingoDataPreprocessor',
        mean=[122.770938, 116.7460125, 104.09373615],
        std=[68.5005327, 66.6321579, 70.32316305],
    ),
)
