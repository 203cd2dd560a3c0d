"""Tensors of a TorchScript archive, such as OpenAI's files of CLIP, without running what it holds."""

import io
import pickle
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

STORAGES = {
    'FloatStorage': torch.float32,
    'HalfStorage': torch.float16,
    'BFloat16Storage': torch.bfloat16,
    'DoubleStorage': torch.float64,
    'LongStorage': torch.int64,
    'IntStorage': torch.int32,
    'BoolStorage': torch.bool,
}
LISTS = ('build_intlist', 'build_tensorlist', 'build_doublelist', 'build_boollist')


class ScriptObject:
    """Stands in for every class of an archive: attributes, no code."""


class TensorUnpickler(pickle._Unpickler):
    """Reads objects as attributes and tensors; any class or function that an archive of weights has no use for is refused.

    It is the unpickler in Python, as the one in C takes gigabytes for a few bytes that name a place far up in its memo.
    """

    def __init__(self, archive: Any) -> None:
        super().__init__(io.BytesIO(archive.get_record('data.pkl')))
        self.archive = archive
        self.storages: dict[str, Tensor] = {}

    def find_class(self, module: str, name: str) -> Any:
        if module.startswith('__torch__'):
            return ScriptObject
        if (module, name) == ('collections', 'OrderedDict'):
            return OrderedDict
        if (module, name) == ('torch._utils', '_rebuild_tensor_v2'):
            return _rebuild
        if module == 'torch' and name in STORAGES:
            return STORAGES[name]
        if module == 'torch.jit._pickle' and name in LISTS:
            return list
        raise pickle.UnpicklingError(f'GLOBAL {module}.{name} is not allowed.')

    def persistent_load(self, pid: tuple) -> Tensor:
        _, dtype, key, _, numel = pid
        if numel == 0:
            return torch.empty(0, dtype=dtype)
        if key not in self.storages:
            record = bytearray(self.archive.get_record(f'data/{key}'))
            self.storages[key] = torch.frombuffer(record, dtype=dtype, count=numel)
        return self.storages[key]


def is_torchscript(path: Path) -> bool:
    """Whether a file is an archive that `torch.jit.save` wrote."""
    try:
        return torch._C.PyTorchFileReader(str(path)).has_record('constants.pkl')
    except RuntimeError:  # no archive at all
        return False


def read_torchscript(path: Path) -> dict[str, Tensor]:
    """The state dict of an archive.

    Args:
        path: A file for which `is_torchscript` holds.

    Raises:
        pickle.UnpicklingError: It holds anything but modules, tensors and plain data.
    """
    return dict(_tensors(TensorUnpickler(torch._C.PyTorchFileReader(str(path))).load(), ''))


def _rebuild(storage: Tensor, offset: int, size: tuple, stride: tuple, *_: Any) -> Tensor:
    return storage.as_strided(size, stride, offset)


def _tensors(node: ScriptObject, prefix: str) -> Iterator[tuple[str, Tensor]]:
    for name, value in vars(node).items():
        if isinstance(value, Tensor):
            yield prefix + name, value
        elif isinstance(value, ScriptObject):
            yield from _tensors(value, f'{prefix}{name}.')
