"""Programs in Java: each one ends in time, and leaves no process and no file behind."""

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

CAPTIONS_A_SPAN = 1000


def has_java() -> bool:
    """Whether there is a `java` on the PATH."""
    return shutil.which('java') is not None


def time_limit(timeout: float, num_captions: int) -> float:
    """Seconds that a program may take: `timeout` to start, and as much again for each 1,000 captions."""
    return timeout * (1 + num_captions / CAPTIONS_A_SPAN)


class JavaProgram:
    """A program that reads lines and may answer each with lines of its own; a context manager.

    At the end of its time, and of the block however it is left, the process is killed with all that it started.

    Args:
        arguments: Of the command `java`.
        seconds: Longest time that the program may take.

    Raises:
        OSError: There is no Java.
    """

    def __init__(self, arguments: Sequence[str | Path], seconds: float) -> None:
        self.seconds = seconds
        self._is_late = False
        self._errors = tempfile.TemporaryFile()
        self._process = subprocess.Popen(
            ['java', *map(str, arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            start_new_session=True,  # a group of its own, which can be killed as a whole
        )
        self._timer = threading.Timer(seconds, self._end_late)
        self._timer.daemon = True

    def __enter__(self) -> 'JavaProgram':
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
        self._kill()
        for stream in (self._process.stdin, self._process.stdout, self._errors):
            with contextlib.suppress(OSError):
                stream.close()
        self._process.wait()

    def run(self, text: str) -> str:
        """Send a text, and return all that the program writes until it ends.

        Raises:
            RuntimeError: It failed, or took too long.
        """
        output, _ = self._process.communicate(text.encode('utf-8', 'replace'))
        if self._is_late or self._process.returncode:
            raise self._failure()
        return output.decode(errors='replace')

    def tell(self, line: str) -> None:
        """Send a line.

        Raises:
            RuntimeError: The program has ended.
        """
        try:
            self._process.stdin.write(f'{line}\n'.encode('utf-8', 'replace'))
            self._process.stdin.flush()
        except OSError as error:
            raise self._failure() from error

    def hear(self) -> str:
        """Return the next line that the program writes.

        Raises:
            RuntimeError: It has ended, or took too long.
        """
        line = self._process.stdout.readline()
        if not line.endswith(b'\n'):
            raise self._failure()
        return line.decode(errors='replace').strip()

    def _end_late(self) -> None:
        self._is_late = True
        self._kill()

    def _kill(self) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def _failure(self) -> RuntimeError:
        if self._is_late:
            return RuntimeError(
                f'Java took longer than {self.seconds:g} seconds and was ended; raise test_evaluator.java_timeout if it '
                'needs more'
            )
        self._errors.seek(0)
        lines = self._errors.read().decode(errors='replace').strip().splitlines()
        return RuntimeError(f'Java ended early{f": {lines[-1]}" if lines else ""}')


@contextlib.contextmanager
def temporary_folder() -> Iterator[Path]:
    """A folder that is removed again, whatever happens."""
    with tempfile.TemporaryDirectory(prefix='mmflamingo_') as folder:
        yield Path(folder)
