"""Reading checkpoints without running their code.

A checkpoint is hostile input: every file is read by `torch.load(weights_only=True)` or by
safetensors. The trainer's own checkpoints also hold log histories, so the few types these are made
of are allowed here, and nothing else.
"""

import os
import re
from pathlib import Path

from mmengine.runner.checkpoint import CheckpointLoader
from torch import Tensor

from mmflamingo.files import plain_reason
from mmflamingo.models.checkpoints.unwrapping import unwrap

from ..config.metafile import published_sha256
from ..errors import CheckpointError
from .cache import URL_PREFIXES, check_sha256, download, is_url
from .formats import read_file
from .sharded import INDEX_ENDING, find_weights_file, read_sharded
from .unpickling import allow_training_state, forbid_growth


def read_checkpoint(path: str, map_location: object = 'cpu') -> dict:
    """Read a checkpoint: `.safetensors`, in one or several files, or anything torch.save or torch.jit.save wrote.

    Checksums are compared where there are some: those in torch's archives, and the SHA-256 of weights in the model zoo. Tensors of
    large files stay on the disk until they are used, so the file must not be overwritten meanwhile.

    Args:
        path: A file; a folder with one model's weights, in one file or in several with an index; such an index; or a URL, whose
            file is downloaded once.
        map_location: As in `torch.load`.

    Raises:
        FileNotFoundError: There is no such file or folder.
        CheckpointError: The file is cut off, damaged, not a checkpoint, or holds more than plain data.
    """
    if not is_url(path):
        return _read_local(Path(path).expanduser(), map_location)
    local = download(path, published_sha256(path))
    try:
        return _read_local(local, map_location)
    except CheckpointError as error:
        raise CheckpointError(f'{error} If {local} is damaged, remove it and it is downloaded again.') from error


def read_state_dict(path: str) -> dict[str, Tensor]:
    """The state dict in a checkpoint, see `read_checkpoint` and `unwrap`.

    Raises:
        CheckpointError: Also where there is none.
    """
    checkpoint = read_checkpoint(path)
    try:
        return unwrap(checkpoint, path)
    except ValueError as error:
        raise CheckpointError(str(error)) from error


def _read_local(path: Path, map_location: object) -> dict:
    if not os.path.exists(path):
        raise FileNotFoundError(f'Checkpoint {path} does not exist.')
    try:
        _check_name(path)
        if path.is_dir():
            path = find_weights_file(path)
        if sha256 := published_sha256(path):
            check_sha256(path, sha256)
        is_index = path.name.endswith(INDEX_ENDING)
        checkpoint = read_sharded(path, map_location) if is_index else read_file(path, map_location)
    except Exception as error:  # each reader has exceptions of its own for a broken file
        size = f' ({path.stat().st_size} bytes)' if path.is_file() else ''
        name = str(path).encode(errors='backslashreplace').decode()
        raise CheckpointError(f'{name}{size} cannot be read as a checkpoint: {_reason(error)}') from error
    if not isinstance(checkpoint, dict):
        raise CheckpointError(
            f'{path} holds a {type(checkpoint).__name__}, not a checkpoint: expected a dict of '
            "tensors, or a dict with such a dict under 'state_dict'."
        )
    return checkpoint


def _check_name(path: Path) -> None:
    """The readers take names of UTF-8 only."""
    try:
        str(path).encode()
    except UnicodeEncodeError as error:
        raise ValueError('its name is not UTF-8: rename it.') from error


def _reason(error: Exception) -> str:
    refused = re.search(r'GLOBAL (\S+)|Unsupported (?:class|global) (\S+)', str(error))
    if refused:
        return (
            f'it holds {refused.group(1) or refused.group(2)}, and only tensors and plain data '
            'are loaded, never code. Save its state dict alone.'
        )
    if isinstance(error, ValueError):  # of this project, which says what is wrong
        return str(error)
    return f'{plain_reason(error)} Is it cut off, or not a checkpoint at all?'


@CheckpointLoader.register_scheme(prefixes='', force=True)
def load_from_local(filename: str, map_location: object = None) -> dict:
    """The loader behind mmengine's CheckpointLoader for local files."""
    return read_checkpoint(filename, map_location)


@CheckpointLoader.register_scheme(prefixes=list(URL_PREFIXES), force=True)
def load_from_http(filename: str, map_location: object = None) -> dict:
    """The loader behind mmengine's CheckpointLoader for URLs; mmengine's own isn't weights_only."""
    return read_checkpoint(filename, map_location)


allow_training_state()
forbid_growth()
