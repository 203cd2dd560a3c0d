"""Vision encoders: (N, 3, H, W) pictures -> (N, V, D) patch features."""

from .clip_vit import CLIPVisionTransformer

__all__ = ['CLIPVisionTransformer']
