"""Pictures from the web, within limits of time and size."""

import time
from queue import Empty, Queue
from threading import Thread
from urllib.request import (
    HTTPDefaultErrorHandler,
    HTTPErrorProcessor,
    HTTPHandler,
    HTTPRedirectHandler,
    HTTPSHandler,
    OpenerDirector,
    ProxyHandler,
    Request,
)

from mmflamingo.version import __version__

CHUNK = 2**16
# No other protocols, also where a server redirects to them.
HANDLERS = (
    *(ProxyHandler, HTTPHandler, HTTPSHandler),
    *(HTTPRedirectHandler, HTTPDefaultErrorHandler, HTTPErrorProcessor),
)


def fetch(url: str, timeout: float, max_bytes: int) -> bytes:
    """The content of a URL (http or https).

    Args:
        url: The URL.
        timeout: Seconds for all of it. A server that never answers, or sends a byte now and then, is given up after them.
        max_bytes: Most bytes; a server that sends more, or without end, is given up.

    Raises:
        TimeoutError: It took too long.
        ValueError: It is too large, or was cut off.
        OSError: The server can't be reached, or answers with an error.
    """
    answers: Queue = Queue(maxsize=1)
    # In a thread of its own, as neither looking up a name nor reading headers can be limited from here.
    Thread(target=_answer, args=(answers, url, timeout, max_bytes), daemon=True).start()
    try:
        answer = answers.get(timeout=timeout)
    except Empty:
        raise TimeoutError(f'the server sent no whole answer within {timeout:g} seconds') from None
    if isinstance(answer, Exception):
        raise answer
    return answer


def _answer(answers: Queue, url: str, timeout: float, max_bytes: int) -> None:
    try:
        answers.put(_download(url, timeout, max_bytes))
    except Exception as error:  # raised by `fetch`
        answers.put(error)


def _download(url: str, timeout: float, max_bytes: int) -> bytes:
    deadline = time.monotonic() + timeout
    opener = OpenerDirector()
    for handler in HANDLERS:
        opener.add_handler(handler())
    request = Request(url, headers={'User-Agent': f'mmflamingo/{__version__}'})
    content = bytearray()
    with opener.open(request, timeout=timeout) as response:
        while chunk := response.read1(CHUNK):
            content += chunk
            if len(content) > max_bytes:
                raise ValueError(f'the server sends more than max_bytes = {max_bytes}')
            if time.monotonic() > deadline:
                raise TimeoutError('the server is too slow')
        length = response.headers.get('Content-Length')
    if length is not None and int(length) != len(content):
        raise ValueError(f'the server sent {len(content)} of {length} bytes')
    return bytes(content)
