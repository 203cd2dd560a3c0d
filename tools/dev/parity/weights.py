"""Weights and inputs that are the same in every version of torch and numpy, made from their names."""

import hashlib
import math

import numpy as np
import torch
from torch import Tensor, nn

GAIN = 1.5  # above 1, so that random models have preferences that rounding can't turn


def uniform(name: str, shape: tuple[int, ...]) -> np.ndarray:
    """Numbers of [-1, 1) from the raw stream of PCG64, which is fixed for good, unlike numpy's distributions."""
    seed = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], 'big')
    raw = np.random.PCG64(seed).random_raw(math.prod(shape))
    return ((raw >> np.uint64(11)) * 2.0**-52 - 1).reshape(shape)


def weight(name: str, shape: tuple[int, ...]) -> Tensor:
    """The value of a parameter: gates open, norms near 1, matrices that keep the size of what they multiply."""
    values = uniform(name, shape)
    if name.endswith('_gate'):
        values = 0.7 + 0.2 * values
    elif len(shape) < 2:
        values = 0.2 * values + name.endswith('weight')
    else:
        values = values * GAIN * math.sqrt(3 / math.prod(shape[1:]))
    return torch.from_numpy(np.asarray(values)).float()


@torch.no_grad()
def fill(model: nn.Module) -> dict[str, str]:
    """Gives every parameter its value.

    Returns:
        dict: For each key of the state dict the name its value comes from; shared parameters have one name.
    """
    names = {}
    for name, parameter in model.named_parameters():
        parameter.copy_(weight(name, tuple(parameter.shape)))
        names[id(parameter)] = name
    state_dict = model.state_dict(keep_vars=True)
    return {key: names[id(value)] for key, value in state_dict.items() if id(value) in names}


def integers(name: str, shape: tuple[int, ...], low: int, high: int) -> Tensor:
    """Integers of [low, high)."""
    numbers = (uniform(name, shape) + 1) / 2 * (high - low)
    return torch.from_numpy(numbers.astype(np.int64) + low)
