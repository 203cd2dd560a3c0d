"""Annotation files as JSON values, lines and rows; a file that can't be read is an error that says what it is."""

import csv
import io
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from mmengine.fileio import get

from .fields import show


def read_text(path: str, argument: str) -> str:
    """Read a text in UTF-8, with or without a byte order mark.

    Args:
        path: The file.
        argument: Name of the argument that gave it, for messages.

    Raises:
        ValueError: It is empty or not such a text.
    """
    content = get(path)
    try:
        text = content.decode('utf-8-sig')
    except UnicodeDecodeError as error:
        raise ValueError(f"{argument}: '{path}' is not a text in UTF-8 ({error}). Save it in UTF-8.") from error
    if not text.strip():
        raise ValueError(f"{argument}: '{path}' is empty.")
    return text


def read_json(path: str, argument: str, unique_names: bool = False) -> Any:
    """Read a JSON file.

    Args:
        path, argument: As of `read_text`.
        unique_names: No object may have a name twice; for files whose names are ids.

    Raises:
        ValueError: It is not valid JSON.
    """
    return _parse(read_text(path, argument), f"{argument}: '{path}'", _as_unique if unique_names else None)


def read_json_lines(path: str, argument: str) -> Iterator[tuple[str, Any]]:
    """Read a file with a JSON value a line, as pairs of 'line N' and the value."""
    for number, line in read_lines(path, argument):
        yield f'line {number}', _parse(line, f"{argument}: line {number} of '{path}'")


def read_lines(path: str, argument: str, with_blank: bool = False) -> list[tuple[int, str]]:
    """Read lines with their numbers from 1 on.

    Args:
        path, argument: As of `read_text`.
        with_blank: Blank lines too, but those at the end; for files where a line's number means something.
    """
    lines = io.StringIO(read_text(path, argument).rstrip(), newline=None)
    return [(number, line.rstrip('\n')) for number, line in enumerate(lines, 1) if with_blank or line.strip()]


def read_table(
    path: str, argument: str, aliases: Mapping[str, str]
) -> tuple[list[str], list[tuple[str, dict[str, str]]]]:
    """Read a CSV file with a line of names.

    Args:
        path, argument: As of `read_text`.
        aliases: Other names of columns, and the names that they get.

    Returns:
        The names, and pairs of 'line N' and the cells by name. Empty cells are left out.

    Raises:
        ValueError: Its quotes don't match, names come twice, or a row has another number of cells.
    """
    reader = csv.reader(io.StringIO(read_text(path, argument), newline=''), strict=True)
    rows = []
    try:
        names = [aliases.get(name, name) for name in next(reader)]
        for row in reader:
            if any(map(str.strip, row)):
                rows.append((reader.line_num, row))
    except csv.Error as error:
        raise ValueError(f"{argument}: line {reader.line_num} of '{path}' is not valid CSV ({error}).") from error
    if len(set(names)) < len(names):
        raise ValueError(f"{argument}: '{path}' has the columns {show(names)}, some of them twice.")
    uneven = [number for number, row in rows if len(row) != len(names)]
    if uneven:
        raise ValueError(
            f"{argument}: '{path}' has {len(names)} columns, but {len(uneven)} rows have more or fewer cells, the first in "
            f'line {uneven[0]}. Put quotes around cells with commas or line ends.'
        )
    return names, [(f'line {n}', {name: c for name, c in zip(names, row, strict=True) if c.strip()}) for n, row in rows]


def _parse(text: str, source: str, hook: Any = None) -> Any:
    try:
        return json.loads(text, object_pairs_hook=hook)
    except RecursionError as error:
        raise ValueError(f'{source} is not an annotation file: its JSON is nested too deeply.') from error
    except ValueError as error:
        raise ValueError(f'{source} is not valid JSON ({error}).') from error


def _as_unique(pairs: list[tuple[str, Any]]) -> dict:
    made = dict(pairs)
    if len(made) < len(pairs):
        counts = Counter(name for name, _ in pairs)
        raise ValueError(f'an object has names twice: {show([name for name, count in counts.items() if count > 1])}')
    return made
