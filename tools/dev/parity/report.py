"""Rows of the parity table."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

TOLERANCE = 1e-5  # relative, in float32


@dataclass(frozen=True)
class Row:
    """One comparison.

    Attributes:
        against: The other system.
        what: What was compared.
        count: Number of things compared.
        measured: The largest relative difference, or the number of unequal things where only equal will do.
        allowed: Largest value of `measured` that passes.
        known: Why it differs, if it is known to and meant to.
    """

    against: str
    what: str
    count: int
    measured: float
    allowed: float = 0
    known: str = ''

    @property
    def passes(self) -> bool:
        return self.measured <= self.allowed or bool(self.known)


def markdown(rows: Sequence[Row]) -> str:
    """The table, with what fails at the top."""
    lines = ['| against | what | compared | differ | allowed | |', '|---|---|---|---|---|---|']
    for row in sorted(rows, key=lambda row: row.passes):
        verdict = row.known or ('ok' if row.passes else '**FAILS**')
        lines.append(
            f'| {row.against} | {row.what} | {row.count:,} | {_number(row.measured)} | {_number(row.allowed)} '
            f'| {verdict} |'
        )
    return '\n'.join(lines) + '\n'


def merged(page: str, rows: Sequence[Row]) -> str:
    """The table of a page, with these rows in the place of the former ones of the same name, or below the others."""
    head, names, *new = markdown(rows).splitlines()
    lines = {
        _key(line): line for line in page.splitlines() if line.startswith('| ') and line.count('|') == head.count('|')
    }
    lines.pop(_key(head), None)
    lines |= {_key(line): line for line in new}
    return '\n'.join([head, names, *lines.values()]) + '\n'


def _key(line: str) -> tuple[str, ...]:
    return tuple(line.split('|')[1:3])


def write(rows: Sequence[Row], folder: Path) -> None:
    """Writes report.md and report.json."""
    (folder / 'report.md').write_text(markdown(rows))
    records = [{**asdict(row), 'passes': row.passes} for row in rows]
    (folder / 'report.json').write_text(json.dumps(records, indent=2) + '\n')


def _number(value: float) -> str:
    return f'{value:.1e}' if 0 < value < 1 else f'{value:,.0f}'
