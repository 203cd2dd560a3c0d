"""Reading checkpoints without running their code.

A checkpoint is hostile input: every file is read by `torch.load(weights_only=True)` or by
safetensors. The trainer's own checkpoints also hold log histories, so the few types these are made
of are allowed here, and nothing else.
"""

import pickle
import re
from pathlib import Path
from zipfile import is_zipfile

import numpy as np
import torch
from mmengine.logging import HistoryBuffer
from mmengine.runner.checkpoint import CheckpointLoader
from safetensors.torch import load_file

from ..errors import CheckpointError
from .cache import URL_PREFIXES, cached_path, download, is_url
from .sharded import INDEX_ENDING, find_weights_file, read_sharded
from .torchscript import is_torchscript, read_torchscript

MAPPED_FROM = 64 * 2**20  # bytes; smaller files are read at once, and may be overwritten while a model is in use


def _history_buffer_method(owner: object, name: str) -> object:
    """Stand-in for the `getattr` by which a pickle names the methods of HistoryBuffer."""
    if owner is HistoryBuffer and name in ('min', 'max', 'mean', 'current'):
        return getattr(owner, name)
    raise pickle.UnpicklingError(f'getattr({owner!r}, {name!r}) is not allowed in a checkpoint.')


def allow_training_state() -> None:
    """Let weights_only loading read the log histories in checkpoints of mmengine's runner."""
    multiarray = np._core.multiarray if hasattr(np, '_core') else np.core.multiarray
    allowed = [HistoryBuffer, np.ndarray, np.dtype, (_history_buffer_method, 'builtins.getattr')]
    for package in ('numpy.core', 'numpy._core'):  # the names before and since numpy 2
        allowed.append((multiarray._reconstruct, f'{package}.multiarray._reconstruct'))
        allowed.append((multiarray.scalar, f'{package}.multiarray.scalar'))
    allowed += {type(np.dtype(code)) for code in '?bBhHiIlLqQefd'}
    torch.serialization.add_safe_globals(allowed)


def read_checkpoint(path: str, map_location: object = 'cpu') -> dict:
    """Read a checkpoint: `.safetensors`, in one or several files, or anything torch.save or torch.jit.save wrote.

    Tensors of large files stay on the disk until they are used, so the file must not be overwritten meanwhile.

    Args:
        path: A local file, a folder with safetensors, their index, or a URL; what a URL names is downloaded once.
        map_location: As in `torch.load`.

    Raises:
        FileNotFoundError: There is no such file or folder.
        CheckpointError: The file is cut off, is no checkpoint, or holds more than plain data.
    """
    if not is_url(path):
        return _read_local(Path(path).expanduser(), map_location)
    try:
        return _read_local(download(path), map_location)
    except CheckpointError as error:
        raise CheckpointError(
            f'{error} If {cached_path(path)} is damaged, remove it and it is downloaded again.'
        ) from error


def _read_local(path: Path, map_location: object) -> dict:
    if not path.exists():
        raise FileNotFoundError(f'Checkpoint {path} does not exist.')
    device = str(map_location or 'cpu')
    try:
        if path.is_dir():
            path = find_weights_file(path)
        if path.name.endswith(INDEX_ENDING):
            return read_sharded(path, device)
        if path.suffix == '.safetensors':
            return load_file(path, device=device)
        if is_torchscript(path):
            return {'format': 'TorchScript', 'state_dict': read_torchscript(path)}
        # Files of torch before 1.6 are no archives and can't be mapped.
        is_mapped = device == 'cpu' and path.stat().st_size >= MAPPED_FROM and is_zipfile(path)
        checkpoint = torch.load(path, map_location=map_location, weights_only=True, mmap=is_mapped)
    except Exception as error:  # each reader has exceptions of its own for a broken file
        size = f' ({path.stat().st_size} bytes)' if path.is_file() else ''
        raise CheckpointError(f'{path}{size} cannot be read as a checkpoint: {_reason(error)}') from error
    if not isinstance(checkpoint, dict):
        raise CheckpointError(
            f'{path} holds a {type(checkpoint).__name__}, not a checkpoint: expected a dict of '
            "tensors, or a dict with such a dict under 'state_dict'."
        )
    return checkpoint


def _reason(error: Exception) -> str:
    refused = re.search(r'GLOBAL (\S+)|Unsupported (?:class|global) (\S+)', str(error))
    if refused:
        return (
            f'it holds {refused.group(1) or refused.group(2)}, and only tensors and plain data '
            'are loaded, never code. Save its state dict alone.'
        )
    text = str(error).splitlines()[0] if str(error) else type(error).__name__
    if isinstance(error, ValueError):  # of sharded.py, which says what is wrong
        return text
    return f'{text} Is it cut off, or no checkpoint at all?'


@CheckpointLoader.register_scheme(prefixes='', force=True)
def load_from_local(filename: str, map_location: object = None) -> dict:
    """The loader behind mmengine's CheckpointLoader for local files."""
    return read_checkpoint(filename, map_location)


@CheckpointLoader.register_scheme(prefixes=list(URL_PREFIXES), force=True)
def load_from_http(filename: str, map_location: object = None) -> dict:
    """The loader behind mmengine's CheckpointLoader for URLs; mmengine's own isn't weights_only."""
    return read_checkpoint(filename, map_location)


allow_training_state()
