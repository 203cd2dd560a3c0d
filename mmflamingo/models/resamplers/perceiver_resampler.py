"""The Perceiver Resampler (Flamingo paper, section 2.1 and appendix A.1.1)."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmflamingo.registry import MODELS

from ..layers import feed_forward, merge_heads, sincos_grid, split_heads
from ..pretrained import load_part


class PerceiverAttention(nn.Module):
    """Attention of latents to patch features and to themselves.

    Args:
        dim: Width of features and latents.
        dim_head: Width of a head.
        heads: Number of heads.
    """

    def __init__(self, dim: int, dim_head: int = 64, heads: int = 8) -> None:
        super().__init__()
        self.heads = heads
        inner_dim = dim_head * heads
        self.norm_media = nn.LayerNorm(dim)
        self.norm_latents = nn.LayerNorm(dim)
        self.to_q = nn.Linear(dim, inner_dim, bias=False)
        self.to_kv = nn.Linear(dim, 2 * inner_dim, bias=False)
        self.to_out = nn.Linear(inner_dim, dim, bias=False)

    def forward(self, features: Tensor, latents: Tensor) -> Tensor:
        """Features (N, F * V, D) and latents (N, K, D) to an update of the latents (N, K, D)."""
        latents = self.norm_latents(latents)
        sources = torch.cat([self.norm_media(features), latents], dim=1)
        queries = split_heads(self.to_q(latents), self.heads)
        keys, values = (split_heads(x, self.heads) for x in self.to_kv(sources).chunk(2, dim=-1))
        return self.to_out(merge_heads(F.scaled_dot_product_attention(queries, keys, values)))


LARGEST = 2**16  # size of anything; more can only be a slip


@MODELS.register_module()
class PerceiverResampler(nn.Module):
    """Turns the patch features of each medium into a fixed number of visual tokens.

    Args:
        dim: Width of the patch features and of the visual tokens.
        depth: Number of layers.
        dim_head: Width of a head.
        heads: Number of heads.
        num_latents: Number of visual tokens of a medium, K.
        max_frames: Number of learned temporal embeddings, one a frame; media of more frames get them interpolated
            linearly, as in the paper (8 in training, 30 in tests). None leaves the frames without an order, as the image
            models of OpenFlamingo do.
        grid_size: Edge of the grid of an image's patches, V = grid_size^2. Adds learned embeddings of their places, which begin as
            2D sine-cosine ones. The paper has none; they are for frozen backbones whose features don't tell where they come from.
        embs_scale: RMS of both kinds of embeddings at the start.
        ff_mult: Width of the feed-forward's hidden layer, in multiples of `dim`.
        pretrained: Checkpoint with weights to start from, such as one of a CoCa training whose attentional pooler is
            a resampler. None: they start at random or come with the checkpoint of the whole model.
    """

    def __init__(
        self,
        dim: int,
        depth: int = 6,
        dim_head: int = 64,
        heads: int = 8,
        num_latents: int = 64,
        max_frames: int | None = None,
        grid_size: int | None = None,
        embs_scale: float = 1.0,
        ff_mult: int = 4,
        pretrained: str | None = None,
    ) -> None:
        super().__init__()
        sizes = {'dim': dim, 'depth': depth, 'dim_head': dim_head, 'heads': heads, 'num_latents': num_latents}
        if wrong := [f'{name}={size!r}' for name, size in sizes.items() if not 1 <= size <= LARGEST]:
            raise ValueError(f'model.resampler: {", ".join(wrong)}; sizes are whole numbers from 1 to {LARGEST:,}.')
        self.dim = dim
        self.latents = nn.Parameter(torch.randn(num_latents, dim))
        self.frame_embs = nn.Parameter(embs_scale * torch.randn(max_frames, dim)) if max_frames else None
        # Sines and cosines have an RMS of half a root of 2.
        self.patch_embs = nn.Parameter(embs_scale * 2**0.5 * sincos_grid(dim, grid_size)) if grid_size else None
        self.layers = nn.ModuleList(
            nn.ModuleList([PerceiverAttention(dim, dim_head, heads), feed_forward(dim, ff_mult)]) for _ in range(depth)
        )
        self.norm = nn.LayerNorm(dim)
        if pretrained:
            load_part(self, pretrained, 'resampler')

    def forward(self, features: Tensor) -> Tensor:
        """Resamples every medium on its own.

        Args:
            features: (B, M, F, V, D), output of the vision backbone.

        Returns:
            Tensor: (B, M, K, D), the visual tokens.
        """
        batch, num_media, num_frames = features.shape[:3]
        if self.frame_embs is not None:
            features = features + self._temporal_embeddings(num_frames)[:, None]
        if self.patch_embs is not None:
            features = features + self.patch_embs
        features = features.flatten(0, 1).flatten(1, 2)
        latents = self.latents.expand(len(features), -1, -1)
        for attention, ff in self.layers:
            latents = latents + attention(features, latents)
            latents = latents + ff(latents)
        return self.norm(latents).unflatten(0, (batch, num_media))

    def _temporal_embeddings(self, num_frames: int) -> Tensor:
        """(F, D): the first ones, or all of them stretched over more frames."""
        if num_frames <= len(self.frame_embs):
            return self.frame_embs[:num_frames]
        stretched = F.interpolate(self.frame_embs.T[None], size=num_frames, mode='linear', align_corners=True)
        return stretched[0].T
