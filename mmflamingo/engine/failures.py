"""What ends a run, in words: failures that torch reports without saying what to do."""

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import active_children

from torch.distributed import DistError

from .errors import RunError
from .workers import end_workers, gave_up

MORE_SHARED_MEMORY = (
    'In Docker, start the container with more of it: docker run --shm-size=8g. Or use fewer workers (num_workers).'
)
NO_BATCH = (
    'The workers of the data loader gave no batch within its timeout: a worker or a file system hangs, or shared memory '
    f'(/dev/shm) is too small. {MORE_SHARED_MEMORY} Where a batch takes that long, raise the timeout (seconds) of the data '
    'loader.'
)
ANOTHER_RANK = (
    'Another rank ended, or did not answer in time: see what it reported. Where ranks wait for each other that long, raise '
    'env_cfg.dist_cfg.timeout (seconds).'
)
# What torch says, as a RuntimeError, and what it means.
MEANINGS = {
    r'^DataLoader worker \(pid.*(?:Bus error|shared memory)|unable to \w+ shared memory|<(?:/torch_\S+)>': (
        f'A worker of the data loader found no room in shared memory (/dev/shm). {MORE_SHARED_MEMORY}'
    ),
    r'^DataLoader worker \(pid.*(?:killed|exited)': (
        'A worker of the data loader was killed. The system does that when memory runs out: use fewer workers (num_workers) '
        'or smaller batches.'
    ),
    r'^DataLoader timed out': NO_BATCH,
    r'^\[.*gloo/|^Timed out waiting \d+ms|Connection (?:closed|reset) by peer': ANOTHER_RANK,
}


@contextmanager
def explained() -> Iterator[None]:
    """Tell what to do where a worker or another rank failed, and leave no worker behind.

    Raises:
        RunError: In place of torch's RuntimeError.
    """
    before = active_children()
    gave_up.clear()
    try:
        yield
    except BaseException as error:
        end_workers(set(active_children()) - set(before))
        if meaning := _meaning(error):
            raise RunError(f'{meaning} ({(str(error).strip() or type(error).__name__).splitlines()[0]})') from error
        raise


def _meaning(error: BaseException) -> str | None:
    if gave_up.is_set() and isinstance(error, RuntimeError | OSError | EOFError):
        return NO_BATCH
    if not isinstance(error, RuntimeError):
        return None
    if isinstance(error, DistError):
        return ANOTHER_RANK
    return next((meaning for pattern, meaning in MEANINGS.items() if re.search(pattern, str(error), re.DOTALL)), None)


@contextmanager
def logged(logger: logging.Logger) -> Iterator[None]:
    """Put the traceback of a failure into the log file, not on the terminal."""
    try:
        yield
    except Exception:
        with quiet_terminal(logger, logging.CRITICAL):
            logger.exception('The run broke off.')
        raise


@contextmanager
def quiet_terminal(logger: logging.Logger, level: int) -> Iterator[None]:
    """Let only messages of this level or above through to the terminal; the log file gets all."""
    terminals = {h: h.level for h in logger.handlers if type(h) is logging.StreamHandler}
    for handler in terminals:
        handler.setLevel(max(handler.level, level))
    try:
        yield
    finally:
        for handler, former in terminals.items():
            handler.setLevel(former)
