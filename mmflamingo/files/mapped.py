"""Files that are mapped into memory, and giving back the memory that reading them took."""

import ctypes
import mmap
from pathlib import Path

from torch import Tensor

MAPS = Path('/proc/self/maps')  # Linux


def mapped_ranges() -> list[range]:
    """Addresses at which files are mapped into this process; none where the system doesn't tell."""
    if not MAPS.exists() or not hasattr(mmap, 'MADV_DONTNEED'):
        return []
    ranges = []
    for line in MAPS.read_text().splitlines():
        addresses, _, _, _, inode, *_ = line.split()
        if inode != '0':
            ranges.append(range(*(int(address, 16) for address in addresses.split('-'))))
    return ranges


def give_back(tensor: Tensor, ranges: list[range]) -> None:
    """Lets the system take the memory of a tensor that was read from a mapped file and not written to.

    The tensor can still be read: that reads the file again.

    Args:
        tensor: A tensor on the CPU; nothing happens to one that lies in no mapped file.
        ranges: What `mapped_ranges` returned after the file was mapped.
    """
    if not tensor.is_contiguous():
        return
    start = -(-tensor.data_ptr() // mmap.PAGESIZE) * mmap.PAGESIZE
    stop = (tensor.data_ptr() + tensor.nbytes) // mmap.PAGESIZE * mmap.PAGESIZE
    if start < stop and any(start in mapped and stop - 1 in mapped for mapped in ranges):
        madvise = ctypes.CDLL(None).madvise
        madvise(ctypes.c_void_p(start), ctypes.c_size_t(stop - start), mmap.MADV_DONTNEED)
