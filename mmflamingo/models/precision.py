"""The dtype that a whole model computes in."""

from itertools import chain

import torch
from torch import nn

from .checkpoints.fit import is_finite

DTYPES = {name: getattr(torch, name) for name in ('float32', 'bfloat16', 'float16')}


@torch.no_grad()
def cast_weights(model: nn.Module, dtype: torch.dtype) -> None:
    """Casts all float parameters and buffers that a checkpoint holds, in place; tied ones stay tied.

    Buffers that no checkpoint holds keep their dtype, which `model.to(dtype)` doesn't do: among them are the frequencies of
    rotary embeddings, and rounded to bfloat16 these put late tokens at other places.

    Raises:
        ValueError: A weight is too large for the dtype.
    """
    for path, module in model.named_modules():
        passing = module._non_persistent_buffers_set
        buffers = ((name, buffer) for name, buffer in module.named_buffers(recurse=False) if name not in passing)
        for name, tensor in chain(module.named_parameters(recurse=False), buffers):
            if not tensor.is_floating_point():
                continue
            if torch.finfo(dtype).max < torch.finfo(tensor.dtype).max and not is_finite(tensor, dtype):
                raise ValueError(f'{path}.{name} has a weight that {dtype} cannot hold: choose bfloat16 or float32.')
            tensor.data = tensor.data.to(dtype)
