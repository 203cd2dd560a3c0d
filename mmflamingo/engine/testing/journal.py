"""The journal of a test: predictions as they are made, in a form that survives whatever ends the run.

Each rank appends to a file of its own, `journal.rank{r}.jsonl` in the run's folder. A line is the CRC-32 of the rest in
eight hexadecimal digits, a space, and a JSON object with the sample's `index` in the dataset, the digest of the run's
`protocol`, and its `record`. Lines are written in one call and flushed to the disk, so at most the last one is cut off.
"""

import errno
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from zlib import crc32

from ..errors import RunError
from .plain_json import dumps, loads
from .predictions import Record, is_id

FILE_PATTERN = 'journal.rank*.jsonl'


class Journal:
    """Appends predictions to one rank's file.

    Args:
        folder: The run's folder.
        rank: This process.
        protocol: Digest of what the predictions depend on, see `protocol.digest`.
    """

    def __init__(self, folder: Path, rank: int, protocol: str) -> None:
        self.protocol = protocol
        self._file = (folder / f'journal.rank{rank}.jsonl').open('a+b', buffering=0)
        if _ends_within_a_line(self._file):
            self._write(b'\n')

    def append(self, indices: Sequence[int], records: Sequence[Record]) -> None:
        """Write predictions down; when this returns, they are on the disk.

        Raises:
            OSError: They aren't, e.g. because the disk is full.
            RunError: A prediction has no id, or holds a number that is not finite; none of them is written.
        """
        lines = []
        for index, record in zip(indices, records, strict=True):
            if not is_id(sample_id := record.get('sample_id')):
                raise RunError(
                    f'Sample {index} of the set has the sample_id {sample_id!r}: it must be a number or a text.'
                )
            entry = {'index': index, 'protocol': self.protocol, 'record': record}
            content = dumps(entry, f'The prediction of sample {sample_id!r}').encode('utf-8', 'replace')
            lines.append(b'%08x %s\n' % (crc32(content), content))
        self._write(b''.join(lines))
        os.fsync(self._file.fileno())

    def close(self) -> None:
        self._file.close()

    def _write(self, content: bytes) -> None:
        if self._file.write(content) < len(content):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), self._file.name)


@dataclass
class JournalContent:
    """What the journals of all ranks hold.

    Attributes:
        records: Records by index in the dataset.
        complaints: What is wrong with the files, in sentences; none of it is in `records`.
    """

    records: dict[int, Record] = field(default_factory=dict)
    complaints: list[str] = field(default_factory=list)


def journal_files(folder: Path) -> list[Path]:
    """The journals in a run's folder, in the order of their ranks."""
    ranks = {path: re.fullmatch(r'journal\.rank(\d+)\.jsonl', path.name) for path in folder.glob(FILE_PATTERN)}
    return sorted((path for path in ranks if ranks[path] and path.is_file()), key=lambda path: int(ranks[path][1]))


def read_journals(folder: Path, protocol: str, size: int) -> JournalContent:
    """Read the journals of all ranks.

    Lines that are cut off, changed, or not about one of the `size` samples are left out, and of several lines about one
    sample the first counts; the complaints say how many there were.

    Raises:
        RunError: A line was written under another protocol.
    """
    content = JournalContent()
    for path in journal_files(folder):
        damaged, repeated, contradicted = [], 0, 0
        for number, entry in _entries(path):
            if entry is None or not 0 <= entry['index'] < size:
                damaged.append(number)
                continue
            if entry['protocol'] != protocol:
                raise RunError(
                    f'{path}, line {number}: this prediction comes from a run with a different config, checkpoint or '
                    f'data (protocol {entry["protocol"]}, not {protocol}). Move the file out of the folder.'
                )
            known = content.records.setdefault(entry['index'], entry['record'])
            repeated += known is not entry['record']
            contradicted += known != entry['record']
        content.complaints += _complaints(path, damaged, repeated, contradicted)
    return content


def _entries(path: Path) -> Iterator[tuple[int, dict | None]]:
    """Line numbers and entries of a journal; None for a damaged line."""
    with path.open('rb') as file:
        for number, line in enumerate(file, 1):
            if line == b'\n':  # closes a line that was cut off
                continue
            checksum, _, content = line.rstrip(b'\n').partition(b' ')
            is_whole = line.endswith(b'\n') and checksum == b'%08x' % crc32(content)
            yield number, _entry(content) if is_whole else None


def _entry(content: bytes) -> dict | None:
    """The entry that a line holds; None if it holds something else."""
    try:
        entry = loads(content)
    except ValueError:
        return None
    if not isinstance(entry, dict):
        return None
    index, protocol, record = (entry.get(name) for name in ('index', 'protocol', 'record'))
    is_typed = type(index) is int and isinstance(protocol, str) and isinstance(record, dict)
    return entry if is_typed and is_id(record.get('sample_id')) else None


def _complaints(path: Path, damaged: Sequence[int], repeated: int, contradicted: int) -> Iterable[str]:
    if damaged:
        where = ', '.join(map(str, damaged[:5])) + (', ...' if len(damaged) > 5 else '')
        yield f'{path}: {len(damaged)} lines are cut off or changed (lines {where}); their samples are predicted again.'
    if repeated:
        yield f'{path}: {repeated} lines repeat a sample, {contradicted} of them with another prediction; the first counts.'


def _ends_within_a_line(file) -> bool:
    if file.seek(0, os.SEEK_END) == 0:
        return False
    file.seek(-1, os.SEEK_END)
    return file.read(1) != b'\n'
