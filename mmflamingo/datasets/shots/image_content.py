"""Images that are the same picture under different ids."""

import hashlib
import os
from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping

from ..base import Record

PEEK = 4096  # bytes; enough to tell most pictures of one size apart


def content_twins(records: Iterable[Record]) -> dict[Hashable, Hashable]:
    """Find images whose files have the same content.

    Only files of one size are read, and as a whole only where their beginnings are equal too. Files that are not on a
    local disk are taken as different.

    Returns:
        For each image that has twins, the id that stands for all of them.
    """
    paths = {record['image_id']: record['img_path'] for record in records if isinstance(record['img_path'], str)}
    groups = [paths]
    for key in (_size, _beginning, _digest):
        groups = [part for group in groups for part in _parts(group, key)]
    return {image_id: min(group, key=str) for group in groups for image_id in group}


def image_of(record: Record, twins: Mapping[Hashable, Hashable]) -> Hashable:
    """The id that stands for a record's image."""
    return twins.get(record['image_id'], record['image_id'])


def _parts(group: Mapping[Hashable, str], key) -> Iterable[dict[Hashable, str]]:
    """Part a group by the key of its files; images that are alone are dropped."""
    parts = defaultdict(dict)
    for image_id, path in group.items():
        try:
            parts[key(path)][image_id] = path
        except OSError:
            continue
    return [part for part in parts.values() if len(part) > 1]


def _size(path: str) -> int:
    return os.stat(path).st_size


def _beginning(path: str) -> bytes:
    with open(path, 'rb') as file:
        return file.read(PEEK)


def _digest(path: str) -> bytes:
    with open(path, 'rb') as file:
        return hashlib.sha256(file.read()).digest()
