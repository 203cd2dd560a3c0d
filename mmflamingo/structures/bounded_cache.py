"""A cache that never holds more than it may."""

from collections.abc import Hashable
from typing import Any


class BoundedCache:
    """Keeps values of up to so many bytes in all; the least recently used go when there is no more room.

    Args:
        max_bytes: Most bytes; 0 keeps nothing.

    Attributes:
        num_bytes (int): Bytes of what it holds.
    """

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        self.clear()

    def __len__(self) -> int:
        """Number of values it holds."""
        return len(self._entries)

    def clear(self) -> None:
        """Forgets everything."""
        self._entries: dict[Hashable, tuple[Any, int]] = {}  # least recently used first
        self.num_bytes = 0

    def get(self, key: Hashable) -> Any:
        """The value of a key, which thereby is the most recently used; None if there is none."""
        entry = self._entries.pop(key, None)
        if entry is None:
            return None
        self._entries[key] = entry
        return entry[0]

    def put(self, key: Hashable, value: Any, num_bytes: int) -> None:
        """Keeps a new value, unless it alone is too large."""
        if num_bytes > self.max_bytes:
            return
        self._entries[key] = value, num_bytes
        self.num_bytes += num_bytes
        while self.num_bytes > self.max_bytes:
            self.num_bytes -= self._entries.pop(next(iter(self._entries)))[1]
