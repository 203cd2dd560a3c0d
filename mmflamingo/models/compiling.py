"""torch.compile for the parts of a Flamingo that are functions of tensors alone."""

from collections.abc import Mapping
from typing import Any

from torch import nn


def compile_parts(model: nn.Module, options: Mapping[str, Any]) -> None:
    """Compiles vision backbone, resampler and gated cross-attention in place; names and state-dict keys stay.

    Preprocessing, caches and the search between them stay as they are, and so do the decoder layers: their key-value cache
    grows with every token, which would make graphs of their own for each layer.

    Args:
        model: A Flamingo.
        options: Arguments of `torch.compile`. Sizes are dynamic by default: batches and prompts have all lengths.

    Raises:
        TypeError, RuntimeError: torch.compile doesn't know an argument or its value.
    """
    blocks = model.language_model.gated_cross_attn_layers.values()
    parts = (part for block in blocks for part in (block.attn, block.ff))
    for part in (model.vision_backbone, model.resampler, *parts):
        part.compile(**{'dynamic': True, **options})
