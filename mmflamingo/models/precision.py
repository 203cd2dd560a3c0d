"""The dtype that a whole model computes in."""

from itertools import chain

import torch
from torch import nn

DTYPES = {name: getattr(torch, name) for name in ('float32', 'bfloat16', 'float16')}


@torch.no_grad()
def cast_weights(model: nn.Module, dtype: torch.dtype) -> None:
    """Casts all float parameters and buffers that a checkpoint holds, in place; tied ones stay tied.

    Buffers that no checkpoint holds keep their dtype, which `model.to(dtype)` doesn't do: among them are the frequencies of
    rotary embeddings, and rounded to bfloat16 these put late tokens at other places.
    """
    for module in model.modules():
        passing = module._non_persistent_buffers_set
        buffers = (buffer for name, buffer in module.named_buffers(recurse=False) if name not in passing)
        for tensor in chain(module.parameters(recurse=False), buffers):
            if tensor.is_floating_point():
                tensor.data = tensor.data.to(dtype)
