"""Downloads with limits: on the wait for an answer, on slowness, on the whole time and on the size."""

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from threading import Thread
from urllib.request import Request, urlopen

from tqdm import tqdm

from .writing import replacing

MIN_BYTES_PER_SECOND = 1024  # slower than this is no transfer
CHUNK = 2**18
POLL_SECONDS = 0.5
VARIABLES = {
    'answer_seconds': 'MMFLAMINGO_NETWORK_SECONDS',
    'total_seconds': 'MMFLAMINGO_DOWNLOAD_SECONDS',
    'max_bytes': 'MMFLAMINGO_DOWNLOAD_BYTES',
}


@dataclass(frozen=True)
class Limits:
    """Bounds of one download.

    Attributes:
        answer_seconds: Longest wait for the server, and the time over which its mean speed must be 1 KiB/s or more.
        total_seconds: Longest time of the whole download.
        max_bytes: Largest size.
        names: What a user sets them by, for messages.
    """

    answer_seconds: float = 30
    total_seconds: float = 6 * 3600
    max_bytes: float = 256 * 2**30
    names: Mapping[str, str] = field(default_factory=lambda: VARIABLES)

    @classmethod
    def from_environment(cls) -> 'Limits':
        """The defaults, or what MMFLAMINGO_NETWORK_SECONDS, _DOWNLOAD_SECONDS and _DOWNLOAD_BYTES say.

        Raises:
            ValueError: One of them is not a positive number.
        """
        given = {field: os.environ[name] for field, name in VARIABLES.items() if os.environ.get(name)}
        return cls(**{field: _positive(VARIABLES[field], value) for field, value in given.items()})


def fetch(url: str, path: Path, limits: Limits, check: Callable[[Path], object] | None = None) -> None:
    """Downloads a file, which is there as a whole or not at all.

    Args:
        url: http or https, asked by this very scheme.
        path: Where to put the file.
        limits: What the download may take.
        check: Raises if the downloaded file, given by the path of its draft, is not what it should be.

    Raises:
        OSError: The server or the disk fails, fewer bytes came than announced, or a limit is exceeded, which the message
            names.
    """
    with replacing(path) as draft:
        _Transfer(url, draft, limits).run()
        if check is not None:
            check(draft)


def within(seconds: float, function: Callable[[], object]) -> None:
    """Calls a function that asks a server, in a thread that is left alone when it takes too long.

    Raises:
        TimeoutError: It did.
        Exception: What the function raised.
    """
    errors: list[Exception] = []

    def call() -> None:
        try:
            function()
        except Exception as error:
            errors.append(error)

    thread = Thread(target=call, daemon=True)
    thread.start()
    thread.join(seconds)
    if thread.is_alive():
        raise TimeoutError(f'no answer in {seconds:g} seconds')
    if errors:
        raise errors[0]


class _Transfer:
    """One download: a thread receives, and the caller's watches it, as looking up names and headers knows no time limit."""

    def __init__(self, url: str, draft: Path, limits: Limits) -> None:
        self.url, self.limits = url, limits
        self.file = draft.open('wb')
        self.received = 0
        self.size: int | None = None
        self.error: Exception | None = None
        self.is_given_up = False

    def run(self) -> None:
        """Returns when everything is in the file."""
        thread = Thread(target=self._receive, daemon=True)
        thread.start()
        try:
            self._watch(thread)
        finally:
            self.is_given_up = True
        if self.error is not None:
            raise self.error if isinstance(self.error, OSError) else OSError(str(self.error)) from self.error
        if self.size not in (None, self.received):
            raise OSError(f'{self.received} of {self.size} bytes came')
        if not self.received:
            raise OSError('the server sent no bytes')

    def _receive(self) -> None:
        try:
            request = Request(self.url, headers={'User-Agent': 'mmflamingo'})
            with self.file, urlopen(request, timeout=self.limits.answer_seconds) as response:
                self._copy(response)
        except (OSError, HTTPException, ValueError) as error:
            self.error = error

    def _copy(self, response: HTTPResponse) -> None:
        length = response.headers.get('Content-Length')
        self.size = int(length) if length else None
        self._check_size(self.size or 0)
        while not self.is_given_up and (chunk := response.read1(CHUNK)):
            self.file.write(chunk)
            self.received += len(chunk)
            self._check_size(self.received)

    def _check_size(self, size: int) -> None:
        if size > self.limits.max_bytes:
            raise OSError(
                f'it has {size} bytes or more, allowed are {self.limits.max_bytes:g} ({self.limits.names["max_bytes"]})'
            )

    def _watch(self, thread: Thread) -> None:
        """Waits for the thread, and raises when a time limit is over."""
        start = window_start = time.monotonic()
        window_received = 0
        window = self.limits.answer_seconds
        with tqdm(unit='B', unit_scale=True, desc=self.url.rpartition('/')[2], disable=None) as bar:
            while thread.is_alive():
                thread.join(min(POLL_SECONDS, window / 4))
                now = time.monotonic()
                bar.total = self.size
                bar.update(self.received - bar.n)
                if now - start > self.limits.total_seconds:
                    raise OSError(
                        f'it took longer than {self.limits.total_seconds:g} seconds ({self.limits.names["total_seconds"]})'
                    )
                if now - window_start > window:
                    if self.received - window_received < MIN_BYTES_PER_SECOND * window:
                        raise OSError(
                            f'the server sent {self.received - window_received} bytes in {window:g} seconds '
                            f'({self.limits.names["answer_seconds"]})'
                        )
                    window_start, window_received = now, self.received


def _positive(name: str, value: str) -> float:
    try:
        number = float(value)
    except ValueError:
        number = 0
    if not 0 < number < float('inf'):
        raise ValueError(f'The environment variable {name} is {value!r}, expected a positive number.')
    return number
