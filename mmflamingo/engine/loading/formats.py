"""Reading one file of tensors, whatever its format, without running what it holds."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor

from mmflamingo.files.archives import UNPACKED_EXTRA, check_tensor_file

from .torchscript import is_torchscript, read_torchscript

MAPPED_FROM = 64 * 2**20  # bytes; smaller files are read at once, and may be overwritten while a model is in use


def read_file(path: Path, map_location: object = 'cpu') -> object:
    """Reads a file that torch.save, torch.jit.save or safetensors wrote; its content tells which.

    Args:
        path: The file; it must not be overwritten while its tensors are in use.
        map_location: As in `torch.load`.

    Raises:
        Exception: Of the reader, where the file is damaged or holds more than plain data and tensors; ValueError where it isn't
            what it says of itself.
    """
    kind = check_tensor_file(path)
    device = str(map_location or 'cpu')
    if kind == 'safetensors':
        return load_file(path, device=device)
    if kind == 'zip' and is_torchscript(path):
        return {'format': 'TorchScript', 'state_dict': read_torchscript(path)}
    # Files of torch before 1.6 are no archives and can't be mapped.
    is_mapped = device == 'cpu' and kind == 'zip' and path.stat().st_size >= MAPPED_FROM
    content = torch.load(path, map_location=map_location, weights_only=True, mmap=is_mapped)
    _check_storages(content, path)
    return content


def _check_storages(content: object, path: Path) -> None:
    """Tensors can't have more data than the file; that of a mapped one would be the bytes of its neighbours."""
    storages = {tensor.untyped_storage().data_ptr(): tensor.untyped_storage().nbytes() for tensor in _tensors(content)}
    size = path.stat().st_size
    if sum(storages.values()) > size + (0 if size >= MAPPED_FROM else UNPACKED_EXTRA):
        raise ValueError(f'its tensors take {sum(storages.values())} bytes, the file has {size}.')


def _tensors(node: object) -> Iterator[Tensor]:
    """All dense tensors in nested dicts and lists that have memory."""
    nodes, seen = [node], set()
    while nodes:
        node = nodes.pop()
        if isinstance(node, Tensor):
            if node.layout == torch.strided and not node.is_meta and not node.is_nested:
                yield node
        elif isinstance(node, Mapping | list | tuple) and id(node) not in seen:
            seen.add(id(node))
            nodes.extend(node.values() if isinstance(node, Mapping) else node)
