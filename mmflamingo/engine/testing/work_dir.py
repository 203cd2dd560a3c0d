"""The folder of runs: one test and one training at a time, a folder for each run, and the run that `--resume` continues."""

import errno
import fcntl
import logging
import os
import re
import socket
from pathlib import Path
from typing import TextIO

from mmengine.logging import print_log

from ..errors import RunError
from .journal import journal_files

LOCK_NAME = '.{purpose}.lock'
HELD_BY_ANOTHER = (errno.EAGAIN, errno.EACCES)
RUN_NAME = re.compile(r'(\d{8}_\d{6})(?:_(\d+))?')  # date and time, and a number where another run has them already


def claim(work_dir: str | Path, purpose: str = 'test') -> TextIO:
    """Claim a work dir for the test or the training of this process.

    The system gives it up when the process ends, however it ends.

    Args:
        work_dir: The folder.
        purpose: 'test' or 'train'; those of different purpose may go into one folder at the same time.

    Returns:
        The lock, which holds until it is closed.

    Raises:
        RunError: Another process has claimed it.
    """
    lock = (Path(work_dir) / LOCK_NAME.format(purpose=purpose)).open('a+', encoding='utf-8')
    try:
        fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno not in HELD_BY_ANOTHER:
            message = f'{work_dir} cannot be locked ({error}): start no second run there before this one has finished.'
            print_log(message, 'current', logging.WARNING)
            return lock
        lock.seek(0)
        owner = lock.read().strip() or 'another process'
        lock.close()
        raise RunError(
            f'{work_dir} is in use by {owner}: wait for it to finish, or give another --work-dir.'
        ) from error
    lock.truncate(0)
    lock.write(f'process {os.getpid()} on {socket.gethostname()}')
    lock.flush()
    return lock


def make_run_folder(work_dir: str | Path, timestamp: str) -> str:
    """Make a folder for a new run.

    Args:
        work_dir: Folder of all runs.
        timestamp: Its name, as '20260131_235959'. Where a run of this time or a later one is there, because two began in
            one second or the clock was set back, the name is the latest run's with a number: names are unique, and sort as
            the runs began.

    Returns:
        The folder's name.
    """
    while True:
        runs = [match for path in Path(work_dir).iterdir() if (match := RUN_NAME.fullmatch(path.name))]
        time, number = max(((run[1], int(run[2] or 0)) for run in runs), default=('', 0))
        name = timestamp if timestamp > time else f'{time}_{number + 1:03}'
        try:
            (Path(work_dir) / name).mkdir()
        except FileExistsError:  # another process has made it meanwhile
            continue
        return name


def unfinished_run(work_dir: str | Path) -> str | None:
    """Name of the newest folder below a work dir that holds journals; None if there is none."""
    folders = (path for path in Path(work_dir).iterdir() if path.is_dir() and journal_files(path))
    return max((path.name for path in folders), default=None)
