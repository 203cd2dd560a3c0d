"""The sets within a set that wraps others."""

from collections.abc import Iterator
from typing import Any

from torch.utils.data import Dataset


def members(dataset: Any) -> Iterator[Any]:
    """Yield the sets that a dataset is made of, each once; the dataset itself, if it wraps none.

    Looks into any wrapper, however deep: mmengine's and torch's, `ShuffledPictures`, `InterleavedDataset`, a class of the
    user's own.
    """
    seen: set[int] = set()

    def walk(part: Any) -> Iterator[Any]:
        if id(part) in seen:
            return
        seen.add(id(part))
        inner = [] if hasattr(type(part), 'get_query') else list(_wrapped(part))
        for inside in inner:
            yield from walk(inside)
        if not inner:
            yield part

    yield from walk(dataset)


def _wrapped(dataset: Any) -> Iterator[Any]:
    for value in getattr(dataset, '__dict__', {}).values():
        for part in value if isinstance(value, list | tuple) else [value]:
            if _is_set(part):
                yield part
            elif _is_set(getattr(part, 'dataset', None)):  # a source of an InterleavedDataset
                yield part.dataset


def _is_set(value: Any) -> bool:
    return isinstance(value, Dataset) or (hasattr(value, 'get_data_info') and hasattr(value, '__len__'))
