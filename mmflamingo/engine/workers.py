"""Workers of data loaders that can't keep a run from ending.

A loader's `timeout` covers the wait for a batch to arrive, but not the time in which it arrives: a worker that is stopped
or killed meanwhile would be waited for without end.
"""

import multiprocessing
import os
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from multiprocessing.context import ForkContext, ForkProcess
from multiprocessing.process import BaseProcess
from multiprocessing.queues import Queue
from threading import Event, Timer
from typing import Any

TIMEOUT = 600  # seconds, where a loader says nothing
# Set when workers were ended because a batch did not arrive; torch then reports that they were killed.
gave_up = Event()
DEATH = 2  # seconds in which a worker that let go of its connections should be gone


def watched(loader: Mapping[str, Any]) -> dict[str, Any]:
    """Settings of a loader with a `timeout`, and with workers that are watched if they are forked."""
    if not loader.get('num_workers'):
        return dict(loader)
    loader = {'timeout': TIMEOUT, **loader}
    if loader['timeout'] and loader.get('multiprocessing_context') is None and _forks():
        loader['multiprocessing_context'] = WatchedContext(loader['timeout'])
    return loader


def _forks() -> bool:
    return (multiprocessing.get_start_method(allow_none=True) or 'fork') == 'fork'


class WatchedContext(ForkContext):
    """Starts workers, and ends them if a batch does not arrive.

    Args:
        timeout: The loader's, in seconds.
    """

    def __init__(self, timeout: float) -> None:
        super().__init__()
        self.timeout = timeout
        self.workers: list[ForkProcess] = []

    def Process(self, *args, **kwargs) -> ForkProcess:  # noqa: N802
        self.workers = [worker for worker in self.workers if worker.is_alive()]
        self.workers.append(ForkProcess(*args, **kwargs))
        return self.workers[-1]

    def Queue(self, maxsize: int = 0) -> Queue:  # noqa: N802
        return _WatchedQueue(self, maxsize)


class _WatchedQueue(Queue):
    """A queue from which this process takes what workers put into it, and workers what this process does."""

    def __init__(self, context: WatchedContext, maxsize: int) -> None:
        super().__init__(maxsize, ctx=context)
        self._context = context
        self._owner = os.getpid()

    def get(self, block: bool = True, timeout: float | None = None) -> Any:
        """As of a queue; `timeout` is the wait for something to arrive, the loader's is that for all of it."""
        if timeout is None or os.getpid() != self._owner:
            return super().get(block, timeout)
        timer = Timer(timeout + self._context.timeout, self._give_up)
        timer.daemon = True
        timer.start()
        try:
            return super().get(block, timeout)
        except (OSError, EOFError):
            self._wait_for_a_death()  # torch asks next who has died
            raise
        finally:
            timer.cancel()

    def _give_up(self) -> None:
        gave_up.set()
        for worker in self._context.workers:
            worker.kill()  # which ends the wait

    def _wait_for_a_death(self) -> None:
        end = time.monotonic() + DEATH
        while time.monotonic() < end:
            with suppress(RuntimeError):  # of torch's handler of SIGCHLD
                if not all(worker.is_alive() for worker in self._context.workers):
                    return
                time.sleep(0.01)


def end_workers(workers: Iterable[BaseProcess]) -> None:
    """End workers at once, also those that are stopped, so that nothing later waits for them or reports them as killed."""
    for worker in workers:
        while worker.exitcode is None:
            with suppress(RuntimeError):  # of torch's handler of SIGCHLD
                worker.kill()
                worker.join()
