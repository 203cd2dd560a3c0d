"""The folder of runs: one test at a time, and the run that `--resume` goes on with."""

import fcntl
import os
import socket
from pathlib import Path
from typing import TextIO

from ..errors import RunError
from .journal import journal_files

LOCK_NAME = '.test.lock'


def claim(work_dir: str | Path) -> TextIO:
    """Claim a work dir for the test of this process.

    The system gives it up when the process ends, however it ends.

    Returns:
        The lock, which holds until it is closed.

    Raises:
        RunError: Another process tests into this work dir.
    """
    lock = (Path(work_dir) / LOCK_NAME).open('a+', encoding='utf-8')
    try:
        fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        lock.seek(0)
        owner = lock.read().strip() or 'another process'
        lock.close()
        raise RunError(f'{work_dir} is in use by {owner}: wait for its end, or give another --work-dir.') from error
    lock.truncate(0)
    lock.write(f'process {os.getpid()} on {socket.gethostname()}')
    lock.flush()
    return lock


def unfinished_run(work_dir: str | Path) -> str | None:
    """Name of the newest folder below a work dir that holds journals; None if there is none."""
    folders = (path for path in Path(work_dir).iterdir() if path.is_dir() and journal_files(path))
    return max((path.name for path in folders), default=None)
