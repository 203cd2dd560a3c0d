"""Any vision tower of open_clip as a backbone."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import torch
from mmengine.model import BaseModule
from torch import Tensor, nn

from ...registry import MODELS
from ..checkpoints import check_activation
from ..pretrained import load_part


@MODELS.register_module()
class OpenCLIPVisionBackbone(BaseModule):
    """A vision tower of open_clip: ViT, ResNet, or any of timm's (ConvNeXt, EVA, SigLIP, ...).

    It gives the patch features before the tower's last normalisation and pooling, without class and register tokens;
    of a convolutional tower its last feature map. Needs `pip install mmflamingo[optional]`.

    Args:
        name: A name of `open_clip.list_models()`, such as 'ViT-L-14-quickgelu'.
        config: Instead of `name`: a dict with `embed_dim` and `vision_cfg`, as in open_clip's model configs.
        pretrained: File or folder with weights of the tower, alone or with its text tower. None: the weights come with the
            checkpoint of the whole model.
        quick_gelu: Activation of OpenAI's weights; None keeps the model config's own.

    Raises:
        ValueError: open_clip has no such model, or not exactly one of `name` and `config` is given.
    """

    def __init__(
        self,
        name: str | None = None,
        config: Mapping[str, Any] | None = None,
        pretrained: str | None = None,
        quick_gelu: bool | None = None,
    ):
        super().__init__()
        config = _find_config(name, config)
        if quick_gelu is None:
            quick_gelu = config.get('quick_gelu', False)
        self.visual = _build_tower(config, quick_gelu)
        self._hook_features()
        self.img_size = config['vision_cfg'].get('image_size', 224)
        height, width = self.img_size if isinstance(self.img_size, list | tuple) else (self.img_size, self.img_size)
        with torch.no_grad():
            self.embed_dims = self.eval()(torch.zeros(1, 3, height, width)).shape[-1]
        self.pretrained = pretrained
        if pretrained:
            act = 'quick_gelu' if quick_gelu else 'gelu'
            check = partial(check_activation, act, 'model.vision_backbone.quick_gelu')
            has_act = hasattr(self.visual, 'transformer')  # towers of other kinds don't ask
            load_part(self, pretrained, 'vision_backbone', _below_visual, check if has_act else None)

    def forward(self, images: Tensor) -> Tensor:
        """(N, 3, H, W) normalised RGB pictures -> (N, V, D) patch features."""
        images = images.to(next(self.visual.parameters()).dtype)
        if hasattr(self.visual, 'trunk'):
            features = self.visual.trunk.forward_features(images)
            if features.ndim == 3:
                return features[:, getattr(self.visual.trunk, 'num_prefix_tokens', 0) :]
            return features.flatten(2).transpose(1, 2)
        self.visual(images)
        features, self._features = self._features, None
        if features.ndim == 4:
            return features.flatten(2).transpose(1, 2)
        return features[:, 1:]

    def _hook_features(self) -> None:
        """Keeps the last features of open_clip's own towers; timm's give theirs when asked."""
        self._features: Tensor | None = None
        if hasattr(self.visual, 'trunk'):
            if hasattr(self.visual.trunk, 'num_prefix_tokens'):
                self.visual.trunk.norm = nn.Identity()
            return
        last = self.visual.transformer if hasattr(self.visual, 'transformer') else self.visual.layer4
        last.register_forward_hook(self._keep)

    def _keep(self, module: nn.Module, args: tuple, output: Tensor) -> None:
        self._features = output


def _find_config(name: str | None, config: Mapping[str, Any] | None) -> Mapping[str, Any]:
    import open_clip  # optional, and its import is slow

    if (name is None) == (config is None):
        raise ValueError('OpenCLIPVisionBackbone takes either `name` or `config`.')
    found = config or open_clip.get_model_config(name)
    if found is None:
        from difflib import get_close_matches

        close = get_close_matches(name, open_clip.list_models(), n=3)
        raise ValueError(f'open_clip has no model {name!r}. Similar ones: {close}; open_clip.list_models() has all.')
    return found


def _build_tower(config: Mapping[str, Any], quick_gelu: bool) -> nn.Module:
    from open_clip.model import _build_vision_tower  # the one way to a tower without its text tower

    return _build_vision_tower(config['embed_dim'], dict(config['vision_cfg']), quick_gelu)


def _below_visual(state_dict: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The keys of the tower, with 'visual.' in front."""
    marked = {key: value for key, value in state_dict.items() if 'visual.' in key}
    if not marked:
        return {f'visual.{key}': value for key, value in state_dict.items()}
    return {key[key.index('visual.') :]: value for key, value in marked.items()}
