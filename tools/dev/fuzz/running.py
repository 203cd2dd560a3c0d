"""One case in a process of its own: a fork of this one, which has imported all that takes long."""

import contextlib
import os
import select
import signal
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

CRASHED = 70  # the exit status of an exception that nothing caught


@dataclass
class Run:
    """What came of one run.

    Attributes:
        status: Exit status; negative for the signal that ended it, None if it hung and was killed.
        text: What it wrote on the terminal.
        seconds: How long it took.
    """

    status: int | None
    text: str
    seconds: float


def run_forked(work: Callable[[], None], folder: Path, timeout: float) -> Run:
    """Run in a fork of this process, and kill it with all that it started when its time is over.

    Args:
        work: What the child does. SystemExit gives its status.
        folder: The child's working directory, which gets a file `terminal.txt`.
        timeout: Seconds.
    """
    terminal, start = folder / 'terminal.txt', time.monotonic()
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid == 0:
        os.setsid()
        with open(terminal, 'wb', buffering=0) as file:
            os.dup2(file.fileno(), 1)
            os.dup2(file.fileno(), 2)
        sys.stdout, sys.stderr = (open(number, 'w', 1, 'utf-8', closefd=False) for number in (1, 2))
        with open(os.devnull, 'rb') as nothing:
            os.dup2(nothing.fileno(), 0)
        os._exit(_status_of(work, folder))
    status = _wait(pid, timeout)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)
    if status is None:
        os.waitpid(pid, 0)
    return Run(status, terminal.read_text('utf-8', 'replace'), time.monotonic() - start)


def _wait(pid: int, timeout: float) -> int | None:
    """The exit status of a child; None if it does not end in time."""
    descriptor = os.pidfd_open(pid)
    try:
        if not select.select([descriptor], [], [], timeout)[0]:
            return None
    finally:
        os.close(descriptor)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def _status_of(work: Callable[[], None], folder: Path) -> int:
    try:
        os.chdir(folder)
        work()
    except SystemExit as ended:
        status = ended.code
    except BaseException:
        traceback.print_exc()
        status = CRASHED
    else:
        status = 0
    with contextlib.suppress(Exception):
        sys.stdout.flush()
        sys.stderr.flush()
    return status if isinstance(status, int) else int(status is not None)
