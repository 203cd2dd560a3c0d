"""What a case is, and what came of it."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from .running import CRASHED, Run

CANARY = 'canary'  # a file that only code hidden in an input makes
GOOD, BAD = ('message', 'right'), ('traceback', 'hang', 'silent', 'code run')
FEWEST_WORDS = 4  # of a message that says something
INTERRUPTED = 130

# What is wrong with what a run left, though it ended well; None if it is right.
Judge = Callable[[], str | None]


@dataclass
class Case:
    """One hostile or broken input.

    Attributes:
        name: The mutation, in words.
        work: What is run, in a process of its own.
        judge: Says what is wrong where the run ended without an error.
        untouched: Files that nothing may change.
    """

    name: str
    work: Callable[[], None]
    judge: Judge
    untouched: dict[Path, bytes] = field(default_factory=dict)


@dataclass
class Result:
    """What came of a case.

    Attributes:
        kind, seed, name: Of the case.
        verdict: One of `GOOD` or `BAD`.
        detail: The message, or what is wrong.
        seconds: How long it took.
    """

    kind: str
    seed: int
    name: str
    verdict: str
    detail: str
    seconds: float


def verdict(case: Case, run: Run, folder: Path) -> tuple[str, str]:
    """Classify a run."""
    if (folder / CANARY).exists():
        return 'code run', 'the canary file is there'
    if run.status is None:
        return 'hang', run.text[-300:]
    changed = [path for path, content in case.untouched.items() if not path.is_file() or path.read_bytes() != content]
    if changed:
        return 'silent', f'{changed[0]} was changed or removed'
    if run.status == 0:
        fault = _judged(case)
        return ('silent', fault) if fault else ('right', '')
    if run.status < 0 or run.status == CRASHED or 'Traceback (most recent call last)' in run.text:
        return 'traceback', f'status {run.status}: {run.text[-600:]}'
    return _message(run)


def _judged(case: Case) -> str | None:
    try:
        return case.judge()
    except (OSError, ValueError, KeyError) as error:  # what it left cannot be read
        return f'the result cannot be read: {error!r}'


def _message(run: Run) -> tuple[str, str]:
    """A clear message, or what stands in its place."""
    found = re.findall(r'(?:^|\n)(?:Error[^:\n]*: |[\w.]+: error: )(.*?)(?=\n\(--debug|\Z)', run.text, re.DOTALL)
    if not found or len(found[-1].split()) < FEWEST_WORDS:
        return 'traceback', f'status {run.status} without a clear message: {run.text[-300:]!r}'
    return 'message', found[-1].strip()[:300]
