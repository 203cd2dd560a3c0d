"""Video files that end before they should: what players show in part, a test must not take for the whole."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

MP4_TYPES = (b'ftyp', b'moov', b'mdat', b'free', b'skip', b'wide', b'pnot', b'styp', b'sidx', b'moof', b'uuid', b'meta')
SLACK = 16  # bytes by which writers of AVI are known to err; an index is there


def missing_bytes(path: Path) -> int:
    """How many bytes a file lacks by its own account (MP4, AVI, Matroska); 0 if it is whole, or doesn't say."""
    size = path.stat().st_size
    with path.open('rb') as file:
        begin = file.read(12)
        file.seek(0)
        end = _reader(begin)(file)
    return max(0, end - size)


def _reader(begin: bytes) -> Callable[[BinaryIO], int]:
    if begin[4:8] in MP4_TYPES:
        return _end_of_mp4
    if begin[:4] == b'RIFF' and begin[8:] == b'AVI ':
        return _end_of_avi
    if begin[:4] == b'\x1a\x45\xdf\xa3':
        return _end_of_matroska
    return lambda file: 0


def _end_of_mp4(file: BinaryIO) -> int:
    """Where the last box ends that is known by its name: others may be garbage after the end."""
    end = 0
    while len(header := file.read(8)) == 8 and header[4:] in MP4_TYPES:
        size, read = int.from_bytes(header[:4], 'big'), 8
        if size == 1:
            size, read = int.from_bytes(file.read(8), 'big'), 16
        if size < read:  # 0: to the end of the file
            break
        end = file.tell() - read + size
        file.seek(end)
    return end


def _end_of_avi(file: BinaryIO) -> int:
    size = int.from_bytes(file.read(8)[4:], 'little')
    return 0 if size == 2**32 - 1 else 8 + size - SLACK


def _end_of_matroska(file: BinaryIO) -> int:
    file.seek(4)
    header = _number(file)
    file.seek(header or 0, os.SEEK_CUR)
    if file.read(4) != b'\x18\x53\x80\x67':  # the segment, which holds all else
        return 0
    size = _number(file)
    return 0 if size is None else file.tell() + size


def _number(file: BinaryIO) -> int | None:
    """A number of EBML's variable length; None if it is unknown, as in streams."""
    first = file.read(1)
    length = 9 - first[0].bit_length() if first and first[0] else 0
    if not length:
        return None
    value = int.from_bytes(first + file.read(length - 1), 'big') & (2 ** (7 * length) - 1)
    return None if value == 2 ** (7 * length) - 1 else value
