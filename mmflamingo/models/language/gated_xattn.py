"""Gated cross-attention: how text takes up what was seen (Flamingo paper, section 2.2)."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..layers import feed_forward, merge_heads, split_heads
from ..media.media_context import Groups, MediaContext


class MaskedCrossAttention(nn.Module):
    """Attention of text tokens to the visual tokens of one medium each.

    Args:
        dim: Width of the text tokens.
        visual_dim: Width of the visual tokens.
        dim_head: Width of a head.
        heads: Number of heads.
    """

    def __init__(self, dim: int, visual_dim: int, dim_head: int = 64, heads: int = 8) -> None:
        super().__init__()
        self.heads = heads
        inner_dim = dim_head * heads
        self.norm = nn.LayerNorm(dim)
        self.to_q = nn.Linear(dim, inner_dim, bias=False)
        self.to_kv = nn.Linear(visual_dim, 2 * inner_dim, bias=False)
        self.to_out = nn.Linear(inner_dim, dim, bias=False)

    def project(self, visual_tokens: Tensor) -> tuple[Tensor, Tensor]:
        """Keys and values (N, heads, K, dim_head) of N media's visual tokens (N, K, D)."""
        keys, values = self.to_kv(visual_tokens).chunk(2, dim=-1)
        return split_heads(keys, self.heads), split_heads(values, self.heads)

    def forward(self, x: Tensor, groups: Groups, keys: Tensor, values: Tensor) -> Tensor:
        """Text tokens to what they see.

        Args:
            x: (R, L, D), text tokens.
            groups: How they fall into G groups that see a medium each.
            keys: (G, heads, K, dim_head), of the groups' media.
            values: Likewise.

        Returns:
            Tensor: (R, L, D), exactly 0 where there is no medium.
        """
        queries = split_heads(groups.group(self.to_q(self.norm(x)), len(keys)), self.heads)
        seen = F.scaled_dot_product_attention(queries, keys, values)
        return self.to_out(groups.ungroup(merge_heads(seen)))


class GatedCrossAttentionBlock(nn.Module):
    """Cross-attention and feed-forward, each added through a tanh gate that starts closed.

    The feed-forward works on every token, also on those without a medium.

    Args:
        dim: Width of the text tokens.
        visual_dim: Width of the visual tokens.
        dim_head: Width of a head.
        heads: Number of heads.
        ff_mult: Width of the feed-forward's hidden layer, in multiples of `dim`.
    """

    def __init__(self, dim: int, visual_dim: int, dim_head: int = 64, heads: int = 8, ff_mult: int = 4) -> None:
        super().__init__()
        self.attn = MaskedCrossAttention(dim, visual_dim, dim_head, heads)
        self.attn_gate = nn.Parameter(torch.zeros(1))
        self.ff = feed_forward(dim, ff_mult)
        self.ff_gate = nn.Parameter(torch.zeros(1))

    def forward(self, x: Tensor, media: MediaContext) -> Tensor:
        """Text tokens (R, L, D) to text tokens (R, L, D)."""
        x = x + self.attn(x, media.groups, *media.keys_values(self.attn)) * self.attn_gate.tanh()
        return x + self.ff(x) * self.ff_gate.tanh()
