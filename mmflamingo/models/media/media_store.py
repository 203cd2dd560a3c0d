"""Visual tokens on disk: what one run encoded, another one doesn't encode again."""

import hashlib
import logging
import os
from collections.abc import Hashable, Iterable
from pathlib import Path
from uuid import uuid4
from zlib import crc32

import torch
from mmengine.logging import print_log
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

DEFAULT_BYTES = 8 * 2**30
ENDING = '.safetensors'


class MediaStore:
    """A folder of visual tokens, a file a medium, that several processes and runs may share.

    A file is named by all that its tokens depend on: the encoders and the medium's pixels after the transforms. It holds
    that name and a checksum of its tokens, so one that was cut off, changed, or put in the place of another is seen,
    and its medium is encoded again. Files come into being as a whole. When there is no more room, those go that were
    not used for the longest time.

    Args:
        folder: The folder; it is made if it isn't there.
        max_bytes: Most bytes of all files together.
    """

    def __init__(self, folder: str | Path, max_bytes: int = DEFAULT_BYTES) -> None:
        self.folder = Path(folder).expanduser()
        self.max_bytes = max_bytes
        self.folder.mkdir(parents=True, exist_ok=True)
        self._num_bytes = sum(size for _, size, _ in self._files())

    def get(self, encoders: str, medium: Hashable) -> Tensor | None:
        """Visual tokens (K, D) of a medium; None if there are none, or damaged ones.

        Args:
            encoders: Stands for the modules and settings that encode, see `digest_of`.
            medium: Key of the medium, of plain Python values.
        """
        path = self._path(encoders, medium)
        if not path.exists():
            return None
        try:
            with safe_open(path, framework='pt') as file:
                tokens, notes = file.get_tensor('tokens').clone(), file.metadata()
            if notes != _notes(path, tokens):
                raise ValueError('its checksum or its name is another one')
            os.utime(path)
        except FileNotFoundError:  # another process made room
            return None
        except (OSError, SafetensorError, ValueError) as error:
            print_log(f'{path} is damaged ({error}): its medium is encoded again.', 'current', logging.WARNING)
            return None
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
            path.unlink(missing_ok=True)
            self._num_bytes -= size

    def _files(self) -> Iterable[tuple[float, int, Path]]:
        """Time of the last use, size and path of every file, also of one that a broken run left half written."""
        for path in self.folder.iterdir():
            try:
                status = path.stat()
            except FileNotFoundError:
                continue
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


def _notes(path: Path, tokens: Tensor) -> dict[str, str]:
    """What a file says of itself."""
    return {'name': path.stem, 'crc32': f'{crc32(_bytes(tokens)):08x}'}


def _bytes(tensor: Tensor) -> memoryview:
    return tensor.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy().data
