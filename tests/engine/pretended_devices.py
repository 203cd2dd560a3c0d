"""Devices that this machine lacks, pretended: 'cpu:1', 'cpu:2', ... compute as the CPU does, but keep to themselves."""

from contextlib import contextmanager

import torch
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map

COPIES = (torch.ops.aten.copy_.default, torch.ops.aten._to_copy.default)

TAKE_INDICES_OF_THE_CPU = (torch.ops.aten.index.Tensor, torch.ops.aten.index_put_.default)


class Elsewhere(torch.Tensor):
    """A tensor on a pretended device."""

    @staticmethod
    def __new__(cls, inner, device):
        return torch.Tensor._make_wrapper_subclass(
            cls,
            inner.size(),
            strides=inner.stride(),
            storage_offset=inner.storage_offset(),
            dtype=inner.dtype,
            device=device,
        )

    def __init__(self, inner, device):
        self.inner = inner

    def data_ptr(self):
        return self.inner.data_ptr()

    def __deepcopy__(self, memo):
        return self.clone()

    def tolist(self):
        return self.inner.tolist()

    @classmethod
    def __torch_dispatch__(cls, function, types, args=(), kwargs=None):
        return run(function, args, kwargs or {})


class Operations(TorchDispatchMode):
    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        return run(function, args, kwargs or {})


class FromLists(TorchFunctionMode):
    """These two are no operations that a dispatch mode could see."""

    def __torch_function__(self, function, types, args=(), kwargs=None):
        kwargs = dict(kwargs or {})
        if function is torch.tensor:
            return function(*args, **{**kwargs, 'device': None}).to(kwargs.get('device'))
        if function is torch.Tensor.new_tensor:
            return torch.tensor(args[1], dtype=args[0].dtype).to(args[0].device)
        return function(*args, **kwargs)


@contextmanager
def pretended_devices():
    """Within it a tensor can go to a pretended device, and one operation on tensors of several is an error, as on GPUs."""
    with Operations(), FromLists():
        yield


def run(function, args, kwargs):
    tensors = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, torch.Tensor)]
    devices = {tensor.device for tensor in tensors if tensor.ndim or isinstance(tensor, Elsewhere)}
    if function in TAKE_INDICES_OF_THE_CPU and len(devices) == 2:
        devices -= {torch.device('cpu')}
    if len(devices) > 1 and function not in COPIES:
        raise RuntimeError(f'{function} got tensors on {sorted(map(str, devices))}')
    target = torch.device(
        kwargs.get('device') or (tensors[0].device if function in COPIES else min(devices, key=str, default='cpu'))
    )
    inner = {id(tensor.inner): tensor for tensor in tensors if isinstance(tensor, Elsewhere)}

    def unwrap(leaf):
        return leaf.inner if isinstance(leaf, Elsewhere) else leaf

    def wrap(leaf):
        if not isinstance(leaf, torch.Tensor) or isinstance(leaf, Elsewhere) or target.index is None:
            return leaf
        return inner[id(leaf)] if id(leaf) in inner else Elsewhere(leaf, target)

    if kwargs.get('device') is not None:
        kwargs = {**kwargs, 'device': torch.device('cpu')}
    return tree_map(wrap, function(*tree_map(unwrap, args), **tree_map(unwrap, kwargs)))
