"""Frozen linear layers in 8 or 4 bits: their weights alone are quantised, by bitsandbytes; they compute in floats."""

from types import ModuleType
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers.pytorch_utils import Conv1D

QUANTIZATIONS = ('int8', 'nf4')
NF4_BLOCK = 64  # weights that share a scale
KEY = 'model.language_model.quantization'


def check_quantization(name: str | None) -> None:
    """Checks a choice before weights are loaded.

    Raises:
        ValueError: There is no such quantisation.
        ImportError: bitsandbytes is not installed.
    """
    if name is None:
        return
    if name not in QUANTIZATIONS:
        raise ValueError(f'{KEY} is {name!r}, it must be None or one of {list(QUANTIZATIONS)}.')
    _import_bitsandbytes()


@torch.no_grad()
def quantize_linears(module: nn.Module, name: str) -> str:
    """Puts a `QuantizedLinear` in the place of every linear layer, one after the other, and frees what they held.

    Args:
        module: What to search, changed in place.
        name: One of `QUANTIZATIONS`.

    Returns:
        str: What was done, in a sentence; empty if there was nothing left to do.
    """
    before = after = count = 0
    for parent in [*module.modules()]:
        for child_name, layer in [*parent.named_children()]:
            if isinstance(layer, nn.Linear | Conv1D):
                quantized = QuantizedLinear(layer, name)
                setattr(parent, child_name, quantized)
                count += 1
                before += layer.weight.nbytes
                after += quantized.num_bytes
                layer.weight.data = layer.weight.new_empty(0)  # an optimizer may still hold it
    if not count:
        return ''
    return f'{count} linear layers were quantised to {name}: {after / 2**20:.1f} MiB instead of {before / 2**20:.1f}.'


class QuantizedLinear(nn.Module):
    """A linear layer that keeps its frozen weight in 8 or 4 bits, and computes in the dtype of what it reads.

    'int8': a row's weights are whole numbers from -127 to 127 times one scale, as those of LLM.int8
    (https://arxiv.org/abs/2208.07339), whose rounding of activations is left out. 'nf4': 64 weights are one of 16
    quantiles of a normal distribution each, times one scale (QLoRA, https://arxiv.org/abs/2305.14314).

    The weight becomes floats for each call, and once more in the backward pass, so that no copy is kept in between. State
    dicts hold it as floats under its former key; what is loaded is quantised.

    Args:
        layer: An `nn.Linear` or transformers' `Conv1D`, with its weight.
        name: One of `QUANTIZATIONS`.
    """

    packed: Tensor
    scales: Tensor

    def __init__(self, layer: nn.Linear | Conv1D, name: str) -> None:
        super().__init__()
        self.name = name
        self.is_transposed = isinstance(layer, Conv1D)
        self.dtype = layer.weight.dtype
        self.out_features, self.in_features = self._oriented(layer.weight).shape
        self.bias = layer.bias
        for buffer, tensor in zip(('packed', 'scales'), self._quantize(layer.weight), strict=True):
            self.register_buffer(buffer, tensor, persistent=False)

    @property
    def num_bytes(self) -> int:
        """Bytes of the weight, scales included."""
        return self.packed.nbytes + self.scales.nbytes

    def forward(self, x: Tensor) -> Tensor:
        """(..., in_features) to (..., out_features)."""
        if torch.is_autocast_enabled(x.device.type):
            x = x.to(torch.get_autocast_dtype(x.device.type))
        return _FrozenLinear.apply(x, self)

    def dequantize(self, dtype: torch.dtype) -> Tensor:
        """The weight as floats, (out_features, in_features)."""
        if self.name == 'int8':
            return self.packed.to(dtype).mul_(self.scales.to(dtype))
        functional = _import_bitsandbytes()
        # On CPUs bitsandbytes 0.49 and 0.50 take wrong scales for rows that end within a block: then all is one row.
        rows = 1 if self.in_features % NF4_BLOCK else self.out_features
        shape = torch.Size((rows, self.out_features * self.in_features // rows))
        state = functional.QuantState(self.scales, shape, blocksize=NF4_BLOCK, quant_type='nf4', dtype=dtype)
        return functional.dequantize_4bit(self.packed, state).view(self.out_features, self.in_features)

    def extra_repr(self) -> str:
        return f'{self.in_features}, {self.out_features}, bias={self.bias is not None}, {self.name}'

    def _quantize(self, weight: Tensor) -> tuple[Tensor, Tensor]:
        functional, weight = _import_bitsandbytes(), self._oriented(weight.detach()).contiguous()
        if self.name == 'int8':
            packed, largest, _ = functional.int8_vectorwise_quant(weight.half())  # on GPUs it takes no other dtype
            return packed, largest[:, None] / 127
        packed, state = functional.quantize_4bit(weight, blocksize=NF4_BLOCK, quant_type='nf4')
        return packed, state.absmax

    def _oriented(self, weight: Tensor) -> Tensor:
        """From the layout of the former layer to (out_features, in_features), and back."""
        return weight.T if self.is_transposed else weight

    def _apply(self, fn: Any, recurse: bool = True) -> nn.Module:
        scales = self.scales
        super()._apply(fn, recurse)
        self.scales = scales.to(self.packed.device)  # `model.to(dtype)` is not meant for them
        return self

    def _save_to_state_dict(self, destination: dict, prefix: str, keep_vars: bool) -> None:
        super()._save_to_state_dict(destination, prefix, keep_vars)
        destination[f'{prefix}weight'] = self._oriented(self.dequantize(self.dtype)).contiguous()

    def _load_from_state_dict(self, state_dict: dict, prefix: str, *args: Any) -> None:
        _, _, missing_keys, _, error_messages = args
        key = f'{prefix}weight'
        others = {name: value for name, value in state_dict.items() if name != key}
        super()._load_from_state_dict(others, prefix, *args)
        if key not in state_dict:
            missing_keys.append(key)
        elif self._oriented(state_dict[key]).shape != (self.out_features, self.in_features):
            error_messages.append(f'{key} has the shape {tuple(state_dict[key].shape)}, it does not fit {self}.')
        else:
            self.packed, self.scales = (x.to(self.packed.device) for x in self._quantize(state_dict[key]))


class _FrozenLinear(torch.autograd.Function):
    """Product with a weight that gets no gradient, and that autograd doesn't keep."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, layer: QuantizedLinear) -> Tensor:
        ctx.layer = layer
        bias = None if layer.bias is None else layer.bias.to(x.dtype)
        return F.linear(x, layer.dequantize(x.dtype), bias)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        return gradient @ ctx.layer.dequantize(gradient.dtype), None


def _import_bitsandbytes() -> ModuleType:
    try:
        from bitsandbytes import functional
    except ImportError as error:
        raise ImportError(
            f"{KEY} needs bitsandbytes, which is not installed: pip install 'mmflamingo[quantization]' "
            "(or pip install 'bitsandbytes>=0.49,<0.51')."
        ) from error
    return functional
