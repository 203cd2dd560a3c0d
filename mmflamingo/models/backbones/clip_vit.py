"""The vision transformer of CLIP, as Flamingo reads it."""

from functools import partial

import torch
import torch.nn.functional as F
from mmengine.model import BaseModule
from torch import nn

from ...registry import MODELS
from ..checkpoints import check_activation, clip_vision_state_dict
from ..layers import sincos_grid
from ..pretrained import load_part

# https://github.com/openai/CLIP: widths, depths and heads of ViT-B and ViT-L; 'tiny' is flamingo-tiny's.
ARCHS = {
    'tiny': {'embed_dims': 192, 'depth': 6, 'heads': 3},
    'b': {'embed_dims': 768, 'depth': 12, 'heads': 12},
    'l': {'embed_dims': 1024, 'depth': 24, 'heads': 16},
}


REQUIRED = ARCHS['b'].keys()  # of an arch
ACTIVATIONS = ('quick_gelu', 'gelu')
QUICK_GELU_SCALE = 1.702  # OpenAI's CLIP was trained with x * sigmoid(1.702 x) instead of GELU


class Block(nn.Module):
    """Pre-norm transformer block with full self-attention."""

    def __init__(self, embed_dims: int, heads: int, feedforward_dims: int, act: str):
        super().__init__()
        self.heads = heads
        self.ln1 = nn.LayerNorm(embed_dims)
        self.qkv = nn.Linear(embed_dims, 3 * embed_dims)
        self.proj = nn.Linear(embed_dims, embed_dims)
        self.ln2 = nn.LayerNorm(embed_dims)
        self.fc1 = nn.Linear(embed_dims, feedforward_dims)
        self.act = act
        self.fc2 = nn.Linear(feedforward_dims, embed_dims)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, 1 + V, D) -> (N, 1 + V, D)."""
        n, length, dims = x.shape
        q, k, v = (
            self.qkv(self.ln1(x)).view(n, length, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        )  # (N, heads, 1 + V, d)
        attended = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(n, length, dims)
        x = x + self.proj(attended)
        return x + self._feed_forward(self.ln2(x).flatten(0, 1)).view_as(x)

    def _feed_forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N * (1 + V), D) -> (N * (1 + V), D)."""
        if self.act == 'gelu':
            return self.fc2(F.gelu(self.fc1(x)))
        # x * sigmoid(s x) is silu(s x) / s; the products take the factors along, which saves two passes over the hidden layer.
        s = QUICK_GELU_SCALE
        hidden = torch.addmm(self.fc1.bias, x, self.fc1.weight.T, beta=s, alpha=s)
        return torch.addmm(self.fc2.bias, F.silu(hidden), self.fc2.weight.T, alpha=1 / s)


@MODELS.register_module()
class CLIPVisionTransformer(BaseModule):
    """CLIP's ViT up to its last block: the patch features that Flamingo's resampler reads.

    Flamingo takes the last block's output before the final LayerNorm and drops the class token
    (https://arxiv.org/abs/2204.14198, section 2.1; OpenFlamingo reads CLIP so), hence there is neither `ln_post` nor
    projection here.

    Args:
        arch: 'tiny', 'b', 'l', or a dict with `embed_dims`, `depth`, `heads` and optionally `feedforward_dims`
            (default 4 x embed_dims).
        img_size: Height and width of the pictures in pixels.
        patch_size: Edge of a patch in pixels; it must divide `img_size`. V = (img_size / patch_size)^2.
        act: 'quick_gelu' (OpenAI's weights) or 'gelu' (LAION's).
        sincos_positions: Add a 2D sine-cosine embedding to the position embeddings that a training starts from, those of
            `pretrained` too. Random ones alone are so small beside the patches that a short training ends with
            features which hardly tell where they come from.
        pretrained: File with the weights, in the layout of OpenAI and open_clip, Hugging Face, OpenMMLab or this
            project, alone or in a larger model. None: the weights come with the checkpoint of the whole model.
        init_cfg: As in mmengine.

    Raises:
        ValueError: Unknown arch or activation, or a patch size that doesn't divide the image size.
    """

    def __init__(
        self,
        arch: str | dict = 'l',
        img_size: int = 224,
        patch_size: int = 14,
        act: str = 'quick_gelu',
        sincos_positions: bool = False,
        pretrained: str | None = None,
        init_cfg: dict | None = None,
    ):
        super().__init__(init_cfg)
        if isinstance(arch, str) and arch not in ARCHS:
            raise ValueError(f'arch={arch!r} is unknown. Use one of {list(ARCHS)}, or a dict like {ARCHS["b"]}.')
        settings = ARCHS[arch] if isinstance(arch, str) else arch
        if not REQUIRED <= settings.keys() <= REQUIRED | {'feedforward_dims'}:
            raise ValueError(f'arch={arch!r} must have the keys {sorted(REQUIRED)}, and may have feedforward_dims.')
        if act not in ACTIVATIONS:
            raise ValueError(f'act={act!r} is unknown. Use one of {ACTIVATIONS}.')
        if img_size % patch_size:
            raise ValueError(f'patch_size={patch_size} does not divide img_size={img_size}.')
        dims = self.embed_dims = settings['embed_dims']
        feedforward_dims = settings.get('feedforward_dims', 4 * dims)
        self.img_size = img_size
        self.patch_embed = nn.Conv2d(3, dims, patch_size, patch_size, bias=False)
        self.class_embedding = nn.Parameter(torch.randn(dims) * dims**-0.5)
        self.position_embedding = nn.Parameter(torch.randn((img_size // patch_size) ** 2 + 1, dims) * dims**-0.5)
        self.ln_pre = nn.LayerNorm(dims)
        self.blocks = nn.ModuleList(
            Block(dims, settings['heads'], feedforward_dims, act) for _ in range(settings['depth'])
        )
        self.pretrained = pretrained
        if pretrained:
            check = partial(check_activation, act, 'model.vision_backbone.act')
            load_part(self, pretrained, 'vision_backbone', clip_vision_state_dict, check)
        if sincos_positions:
            with torch.no_grad():
                self.position_embedding[1:] += sincos_grid(dims, img_size // patch_size)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """(N, 3, H, W) normalised RGB pictures -> (N, V, D) patch features."""
        if images.shape[-2:] != (self.img_size, self.img_size):
            raise ValueError(
                f'Pictures are {tuple(images.shape[-2:])}, this backbone takes {self.img_size} x {self.img_size}: '
                'make the pipeline resize and crop to model.vision_backbone.img_size.'
            )
        x = self.patch_embed(images.to(self.patch_embed.weight.dtype)).flatten(2).transpose(1, 2)  # (N, V, D)
        x = torch.cat([self.class_embedding.expand(len(x), 1, -1), x], dim=1) + self.position_embedding
        x = self.ln_pre(x)
        for block in self.blocks:
            x = block(x)
        return x[:, 1:]
