"""Any vision tower of Hugging Face as a backbone."""

from collections.abc import Mapping
from typing import Any

import torch
from mmengine.model import BaseModule
from torch import Tensor
from transformers import AutoConfig, AutoModel

from ...registry import MODELS
from ..hf_source import locate_pretrained, reading
from ..hf_weights import load_pretrained

KEY = 'model.vision_backbone.pretrained'


@MODELS.register_module()
class HFVisionBackbone(BaseModule):
    """A vision transformer of transformers (CLIP, SigLIP, DINOv2, ViT, ...), or the vision tower of a larger model.

    It gives the last block's patch features, before the last normalisation, without class and register tokens. The
    activation is what the folder's config says.

    Args:
        pretrained: Folder with config and weights, or `hf://organisation/name`.
        config: Instead of `pretrained`: `model_type` and the fields of its Hugging Face configuration. The weights
            then come with the checkpoint of the whole model.

    Raises:
        FileNotFoundError: The folder does not exist.
        ValueError: Not exactly one of `pretrained` and `config` is given, the files cannot be read, or the model is not a vision transformer.
    """

    def __init__(self, pretrained: str | None = None, config: Mapping[str, Any] | None = None):
        super().__init__()
        if (pretrained is None) == (config is None):
            raise ValueError(
                'HFVisionBackbone takes either `pretrained`, a folder, or `config`, a dict with model_type.'
            )
        self.pretrained = pretrained
        if pretrained:
            name, location = locate_pretrained(pretrained, KEY)
            with reading('vision model', pretrained, KEY):
                settings = _vision_part(AutoConfig.from_pretrained(name, **location))
            self.tower = load_pretrained(
                AutoModel, 'vision model', pretrained, KEY, config=settings, dtype=torch.float32
            )
        else:
            settings = _vision_part(AutoConfig.for_model(**config))
            self.tower = AutoModel.from_config(settings)
        if not hasattr(settings, 'patch_size') or not hasattr(settings, 'image_size'):
            raise ValueError(
                f'{type(self.tower).__name__} is not a vision transformer: it has no patch_size and image_size.'
            )
        self.embed_dims = settings.hidden_size
        self.img_size = settings.image_size
        self.patch_size = settings.patch_size

    def forward(self, images: Tensor) -> Tensor:
        """(N, 3, H, W) normalised RGB pictures -> (N, V, D) patch features."""
        features = self.tower(pixel_values=images.to(self.tower.dtype), output_hidden_states=True).hidden_states[-1]
        num_patches = (images.shape[-2] // self.patch_size) * (images.shape[-1] // self.patch_size)
        return features[:, features.shape[1] - num_patches :]


def _vision_part(config: Any) -> Any:
    return getattr(config, 'vision_config', config)
