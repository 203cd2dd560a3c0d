"""Visual tokens on disk: what one run encoded, another one doesn't encode again."""

import hashlib
import logging
import os
import re
from collections.abc import Hashable, Iterable
from contextlib import suppress
from pathlib import Path
from stat import S_ISREG
from uuid import uuid4
from zlib import crc32

import torch
from mmengine.logging import print_log
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

DEFAULT_BYTES = 8 * 2**30
ENDING = '.safetensors'
MARKER = '.mmflamingo-media-store'  # a folder that holds it is a store, and its files of `OWN_NAME` may be removed
OWN_NAME = re.compile(r'[0-9a-f]{64}\.safetensors|[0-9a-f]{32}\.part')


class MediaStore:
    """A folder of visual tokens, a file a medium, that several processes and runs may share.

    A file is named by all that its tokens depend on: the encoders and the medium's pixels after the transforms. It holds
    that name and a checksum of its tokens, so one that was cut off, changed, or put in the place of another is detected,
    and its medium is encoded again. Files are written whole or not at all. When there is no more room, the least recently
    used files are removed. Only files that the store named itself are counted, read or removed.

    Args:
        folder: A new or empty folder, which becomes a store, or one that is a store.
        max_bytes: Most bytes of all files together.

    Raises:
        ValueError: The folder holds other files and is not a store, or it cannot be made or read.
    """

    def __init__(self, folder: str | Path, max_bytes: int = DEFAULT_BYTES) -> None:
        self.folder = Path(folder).expanduser()
        self.max_bytes = max_bytes
        try:
            _claim(self.folder)
            self._num_bytes = sum(size for _, size, _ in self._files())
        except OSError as error:
            raise ValueError(f"media_store = '{self.folder}' cannot be used: {error}. Name another folder.") from error

    def get(self, encoders: str, medium: Hashable) -> Tensor | None:
        """Visual tokens (K, D) of a medium; None if there are none, or damaged ones.

        Args:
            encoders: Stands for the modules and settings that encode, see `digest_of`.
            medium: Key of the medium, of plain Python values.
        """
        path = self._path(encoders, medium)
        try:
            if not S_ISREG(path.lstat().st_mode):
                raise ValueError('it is not a regular file')
            with safe_open(path, framework='pt') as file:
                tokens, notes = file.get_tensor('tokens').clone(), file.metadata()
            if tokens.ndim != 2 or not tokens.is_floating_point() or notes != _notes(path, tokens):
                raise ValueError('its checksum, name, shape or dtype does not match')
        except FileNotFoundError:  # never encoded, or another process made room
            return None
        except (OSError, SafetensorError, ValueError) as error:
            print_log(f'{path} is damaged ({error}): its medium is encoded again.', 'current', logging.WARNING)
            return None
        with suppress(OSError):  # a store that may only be read
            os.utime(path)
        return tokens

    def put(self, encoders: str, medium: Hashable, tokens: Tensor) -> None:
        """Keeps the visual tokens (K, D) of a medium, unless they alone are too large."""
        path, tokens = self._path(encoders, medium), tokens.cpu().contiguous()
        content = save({'tokens': tokens}, metadata=_notes(path, tokens))
        if len(content) > self.max_bytes:
            return
        draft = path.with_name(f'{uuid4().hex}.part')
        try:
            draft.write_bytes(content)
            draft.replace(path)
        except OSError as error:
            print_log(f'Nothing more is kept in {self.folder}: {error}', 'current', logging.WARNING)
            self.max_bytes = 0
            with suppress(OSError):
                draft.unlink(missing_ok=True)
            return
        self._num_bytes += len(content)
        if self._num_bytes > self.max_bytes:
            self._make_room()

    def _make_room(self) -> None:
        """Removes the least recently used tenth, so that it isn't asked for with every file."""
        files = sorted(self._files())
        self._num_bytes = sum(size for _, size, _ in files)
        for _, size, path in files:
            if self._num_bytes <= 0.9 * self.max_bytes:
                break
            with suppress(OSError):
                path.unlink(missing_ok=True)
            self._num_bytes -= size

    def _files(self) -> Iterable[tuple[float, int, Path]]:
        """Time of the last use, size and path of every own file, also of one that a broken run left half written."""
        for path in self.folder.iterdir():
            if not OWN_NAME.fullmatch(path.name):
                continue
            try:
                status = path.lstat()
            except FileNotFoundError:
                continue
            if S_ISREG(status.st_mode):
                yield status.st_mtime, status.st_size, path

    def _path(self, encoders: str, medium: Hashable) -> Path:
        return self.folder / f'{hashlib.sha256(repr((encoders, medium)).encode()).hexdigest()}{ENDING}'


def digest_of(weights: Iterable[Tensor], settings: object) -> str:
    """Stands for encoders: their weights, with dtypes and shapes, and settings of plain Python values."""
    sha256 = hashlib.sha256(repr(settings).encode())
    for weight in weights:
        sha256.update(repr((weight.dtype, tuple(weight.shape))).encode())
        sha256.update(_bytes(weight))
    return sha256.hexdigest()


def _claim(folder: Path) -> None:
    """Makes a new or empty folder a store, and refuses one with files of somebody else."""
    folder.mkdir(parents=True, exist_ok=True)
    marker = folder / MARKER
    if marker.is_file():
        return
    stranger = next((path.name for path in folder.iterdir() if path.name != MARKER), None)
    if stranger is not None and not marker.is_file():  # another process may have claimed it meanwhile
        raise ValueError(
            f"media_store = '{folder}' holds other files ('{stranger}') and is not a store of visual tokens, from which "
            'files are removed when it is full: name a new or empty folder.'
        )
    marker.write_text('mmflamingo keeps visual tokens here, and removes the oldest of them when the folder is full.\n')


def _notes(path: Path, tokens: Tensor) -> dict[str, str]:
    """What a file says about itself."""
    return {'name': path.stem, 'crc32': f'{crc32(_bytes(tokens)):08x}'}


def _bytes(tensor: Tensor) -> memoryview:
    return tensor.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy().data
