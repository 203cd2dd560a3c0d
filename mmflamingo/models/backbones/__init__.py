"""Vision encoders: (N, 3, H, W) pictures -> (N, V, D) patch features."""

from .clip_vit import CLIPVisionTransformer
from .hf import HFVisionBackbone
from .open_clip import OpenCLIPVisionBackbone

__all__ = ['CLIPVisionTransformer', 'HFVisionBackbone', 'OpenCLIPVisionBackbone']
