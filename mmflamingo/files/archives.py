"""Files of tensors, held against what they say of themselves before any of it is used: sizes and checksums."""

import json
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import BinaryIO
from zipfile import BadZipFile, ZipFile, ZipInfo, is_zipfile

from .reading import check_regular

ZIP_BEGINNING = b'PK\x03\x04'
UNPACKED_EXTRA = (
    64 * 2**20
)  # bytes by which the members of an archive may exceed its file; torch packs only code and notes
THREADS = 4
BLOCK = 2**20
LONGEST_HEADER = 100_000_000  # bytes, safetensors' own limit


def check_tensor_file(path: str | Path) -> str:
    """Checks a file of tensors as far as it can tell itself: that nothing is cut off, blown up, or changed since it was written.

    Args:
        path: Written by torch.save, torch.jit.save or safetensors, whatever its name.

    Returns:
        str: 'zip', 'safetensors', or 'other', which has neither sizes nor checksums.

    Raises:
        FileNotFoundError: There is none.
        ValueError: It is not a regular file, is cut off, has another checksum, or needs far more memory than its size.
    """
    path = check_regular(path)
    with path.open('rb') as file:
        beginning = file.read(9)
    if is_zipfile(path):
        _check_archive(path)
        return 'zip'
    if beginning.startswith(ZIP_BEGINNING):
        raise ValueError(f'{path} ({path.stat().st_size} bytes) is cut off: the end of its archive is missing.')
    if path.suffix == '.safetensors' or (
        beginning[8:] == b'{' and int.from_bytes(beginning[:8], 'little') < LONGEST_HEADER
    ):
        safetensors_header(path)
        return 'safetensors'
    return 'other'


def safetensors_header(path: Path) -> dict[str, dict]:
    """What a safetensors file lists: for each tensor `dtype`, `shape` and `data_offsets`.

    Raises:
        ValueError: It is cut off or no such file.
    """
    size = path.stat().st_size
    with path.open('rb') as file:
        length = int.from_bytes(file.read(8), 'little')
        if size < 10 or not 2 <= length <= min(size - 8, LONGEST_HEADER):
            raise ValueError(
                f'{path} ({size} bytes) is not a safetensors file, or is cut off: its header says {length} bytes.'
            )
        try:
            header = json.loads(file.read(length))
            tensors = {name: entry for name, entry in header.items() if name != '__metadata__'}
            end = 8 + length + max((entry['data_offsets'][1] for entry in tensors.values()), default=0)
        except (ValueError, RecursionError, AttributeError, LookupError, TypeError) as error:
            raise ValueError(f'{path} ({size} bytes) has a damaged header: {type(error).__name__}.') from error
    if size != end:
        raise ValueError(f'{path} has {size} bytes, its header says {end}: it is cut off or damaged.')
    return tensors


def _check_archive(path: Path) -> None:
    try:
        with ZipFile(path) as archive:
            members = archive.infolist()
            unpacked, size = sum(member.file_size for member in members), path.stat().st_size
            if unpacked > size + UNPACKED_EXTRA:
                raise ValueError(f'{path} ({size} bytes) unpacks to {unpacked} bytes: such an archive is not read.')
            if any(member.CRC for member in members):  # torch.save can leave all checksums out
                _check_members(archive, members)
    except (BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError) as error:
        raise ValueError(f'{path} is damaged: {error}.') from error


def _check_members(archive: ZipFile, members: list[ZipInfo]) -> None:
    """Reads all members, which raises where a checksum differs."""

    def read(member: ZipInfo) -> None:
        with archive.open(member) as file:
            _exhaust(file)

    with ThreadPoolExecutor(min(THREADS, os.cpu_count() or 1)) as pool:
        list(pool.map(read, members))


def _exhaust(file: BinaryIO) -> None:
    while file.read(BLOCK):
        pass
