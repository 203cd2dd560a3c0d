"""SIGTERM and SIGHUP end a program as Ctrl-C does: what is kept is said, locks are given up."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

ENDING = (signal.SIGTERM, signal.SIGHUP)  # of a scheduler, and of a terminal that closes


class Ended(KeyboardInterrupt):
    """A signal ends the program.

    Args:
        number: The signal's.
    """

    def __init__(self, number: int = signal.SIGINT) -> None:
        super().__init__(number)
        self.number = number


@contextmanager
def signals_end_as_ctrl_c() -> Iterator[None]:
    """Raise `Ended` at SIGTERM and SIGHUP, unless they are ignored (as under nohup) or handled already."""
    owner = os.getpid()

    def end(number: int, frame: FrameType | None) -> None:
        if os.getpid() == owner:
            raise Ended(number)
        signal.signal(number, signal.SIG_DFL)  # in a process that was forked off
        os.kill(os.getpid(), number)

    is_main = threading.current_thread() is threading.main_thread()  # only there handlers can be set
    taken = [number for number in ENDING if is_main and signal.getsignal(number) is signal.SIG_DFL]
    for number in taken:
        signal.signal(number, end)
    try:
        yield
    finally:
        for number in taken:
            signal.signal(number, signal.SIG_DFL)
