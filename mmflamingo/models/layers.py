"""The small pieces that the resampler and the gated cross-attention share."""

import torch
from torch import Tensor, nn


def split_heads(x: Tensor, heads: int) -> Tensor:
    """(N, L, heads * dim_head) to (N, heads, L, dim_head)."""
    return x.unflatten(-1, (heads, -1)).transpose(1, 2)


def merge_heads(x: Tensor) -> Tensor:
    """(N, heads, L, dim_head) to (N, L, heads * dim_head)."""
    return x.transpose(1, 2).flatten(2)


def feed_forward(dim: int, mult: int) -> nn.Sequential:
    """LayerNorm, then two linear layers without bias around a GELU."""
    return nn.Sequential(
        nn.LayerNorm(dim),
        nn.Linear(dim, dim * mult, bias=False),
        nn.GELU(),
        nn.Linear(dim * mult, dim, bias=False),
    )


def sincos_grid(dims: int, size: int) -> torch.Tensor:
    """(size * size, dims): sine-cosine embedding of the places of a grid, row by row.

    A half of the dimensions tells the row, the other half the column (https://arxiv.org/abs/2111.06377, appendix A.1).
    `dims` must be a multiple of 4.
    """
    frequencies = 10000 ** (-torch.arange(dims // 4) / (dims // 4))
    angles = torch.arange(size)[:, None] * frequencies
    axis = torch.cat([angles.sin(), angles.cos()], dim=1)  # (size, dims / 2)
    return torch.cat([axis.repeat_interleave(size, 0), axis.repeat(size, 1)], dim=1)
