"""SHA-256 of files, read only where that may have changed.

The digest of a large file is kept in the user's cache by its device, inode, size and times. The time of the last change
of its inode, which no program can set, is among these, so a file with other contents is read again. A copy has other
times but the same digest.
"""

import contextlib
import hashlib
import os
import sqlite3
import stat
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from mmengine.logging import print_log

KEPT_FROM = 64 * 2**10  # bytes; smaller files are read each time
LONG = 2 * 2**30  # bytes; the log says that it takes a while to read them
SECOND = 10**9  # nanoseconds
MOST_KEPT = 1_000_000  # files
BLOCK = 2**20
A_TIME = 64  # files that a thread reads before it takes the next ones
THREADS = min(16, os.cpu_count() or 1)


@dataclass(frozen=True)
class Stamp:
    """What tells without reading that a file has not changed."""

    device: int
    inode: int
    size: int
    written: int
    changed: int

    @property
    def key(self) -> str:
        return f'{self.device}-{self.inode}-{self.size}-{self.written}-{self.changed}'

    @property
    def is_kept(self) -> bool:
        """Whether a digest is worth keeping and can be trusted.

        Not that of a file which changed just now, as it may change again at the same time, nor where times are whole
        seconds, as in file systems and archives that know no finer ones.
        """
        return self.size >= KEPT_FROM and self.changed % SECOND != 0 and self.changed < time.time_ns() - 2 * SECOND


def digest_file(path: str | Path) -> str | None:
    """SHA-256 of a file's contents; None for what is not a regular file."""
    return digest_files([path])[0]


def digest_files(paths: Sequence[str | Path]) -> list[str | None]:
    """SHA-256 of the contents of files; None for what is not a regular file."""
    stamps = {path: stamp for path in dict.fromkeys(paths) if (stamp := _stamp(path))}
    with _Kept() as kept:
        digests = kept.get({path: stamp.key for path, stamp in stamps.items() if stamp.is_kept})
        unknown = [path for path in stamps if path not in digests]
        size = sum(stamps[path].size for path in unknown)
        if size >= LONG:
            print_log(f'{size / 2**30:.1f} GiB of files are read once to know their contents again.', 'current')
        with ThreadPoolExecutor(THREADS) as pool:
            parts = pool.map(_read_all, [unknown[i : i + A_TIME] for i in range(0, len(unknown), A_TIME)])
            read = {path: digest for part in parts for path, digest in part.items()}
        lasting = [path for path in read if stamps[path].is_kept and stamps[path] == _stamp(path)]
        kept.put({stamps[path].key: read[path] for path in lasting})
    digests |= read
    return [digests.get(path) for path in paths]


def digest_folder(folder: str | Path) -> dict[str, str]:
    """SHA-256 of each file in a folder and below, by its path there; hidden ones are left out."""
    paths = []
    for parent, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith('.')]
        paths += [os.path.join(parent, name) for name in names if not name.startswith('.')]
    paths.sort()
    digests = zip(paths, digest_files(paths), strict=True)
    return {Path(path).relative_to(folder).as_posix(): digest for path, digest in digests if digest}


def _stamp(path: str | Path) -> Stamp | None:
    """None for what is not a regular file."""
    try:
        status = os.stat(path)
    except (OSError, ValueError):  # such as a name that is too long, or holds a null byte
        return None
    if not stat.S_ISREG(status.st_mode):
        return None
    return Stamp(status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)


def _read_all(paths: Sequence[str | Path]) -> dict[str | Path, str]:
    return {path: _read(path) for path in paths}


def _read(path: str | Path) -> str:
    sha256 = hashlib.sha256()
    with open(path, 'rb', buffering=0) as file:
        while block := file.read(BLOCK):
            sha256.update(block)
    return sha256.hexdigest()


class _Kept:
    """Digests by stamp, in a file of the user's cache; where that cannot be used, nothing is kept."""

    def __enter__(self) -> '_Kept':
        cache = os.environ.get('XDG_CACHE_HOME') or Path.home() / '.cache'
        path = Path(cache) / 'mmflamingo' / 'digests.sqlite'
        self._file = None
        with contextlib.suppress(OSError, RuntimeError, sqlite3.Error):
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = sqlite3.connect(path, timeout=5)
            self._file.execute('CREATE TABLE IF NOT EXISTS digests (stamp TEXT PRIMARY KEY, sha256 TEXT)')
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()

    def get(self, stamps: Mapping[str | Path, str]) -> dict[str | Path, str]:
        """The digests that are kept, by path."""
        found = {}
        with contextlib.suppress(sqlite3.Error):
            for path, stamp in stamps.items() if self._file else ():
                row = self._file.execute('SELECT sha256 FROM digests WHERE stamp = ?', (stamp,)).fetchone()
                if row:
                    found[path] = str(row[0])
        return found

    def put(self, digests: Mapping[str, str]) -> None:
        """Keep digests by stamp; the oldest go where there are too many."""
        if not digests or self._file is None:
            return
        with contextlib.suppress(sqlite3.Error), self._file:
            self._file.executemany('INSERT OR REPLACE INTO digests VALUES (?, ?)', digests.items())
            newest = self._file.execute('SELECT max(rowid) FROM digests').fetchone()[0]
            self._file.execute('DELETE FROM digests WHERE rowid <= ?', (newest - MOST_KEPT,))
