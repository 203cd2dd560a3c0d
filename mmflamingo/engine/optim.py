"""Optimizer wrappers that take finite steps only, and mixed precision that also works without a GPU."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

import torch
from mmengine.device import get_device
from mmengine.optim import AmpOptimWrapper as MMEngineAmpOptimWrapper
from mmengine.optim import OptimWrapper as MMEngineOptimWrapper
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from mmflamingo.registry import OPTIM_WRAPPERS

from .training.finite import FiniteSteps


@OPTIM_WRAPPERS.register_module()
class OptimWrapper(FiniteSteps, MMEngineOptimWrapper):
    """mmengine's OptimWrapper, which takes finite steps only."""


@OPTIM_WRAPPERS.register_module()
class AmpOptimWrapper(FiniteSteps, MMEngineAmpOptimWrapper):
    """mmengine's AmpOptimWrapper, which takes steps of finite losses only; its scaler sees to the gradients."""

    def _gradients(self) -> list[torch.Tensor]:
        return []


@OPTIM_WRAPPERS.register_module()
class Bf16OptimWrapper(OptimWrapper):
    """OptimWrapper that runs the model under bfloat16 autocast, on a CPU or a GPU.

    bfloat16 has float32's range, so unlike in AmpOptimWrapper no gradient scaler is needed.
    Parameters, gradients and the optimizer's state stay in their own dtype.
    """

    @contextmanager
    def optim_context(self, model: nn.Module) -> Iterator[None]:
        device_type = torch.device(get_device()).type
        # On CPUs the backward pass of torch's fused attention is several times slower than plain
        # products.
        attention = sdpa_kernel(SDPBackend.MATH) if device_type == 'cpu' else nullcontext()
        autocast = torch.autocast(device_type, dtype=torch.bfloat16)
        with super().optim_context(model), autocast, attention:
            yield
