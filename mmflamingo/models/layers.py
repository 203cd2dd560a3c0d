"""The small pieces that the resampler and the gated cross-attention share."""

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
