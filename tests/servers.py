"""A server for tests that answers, stays silent, drips, sends without end, or sends less than it announces."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

DRIP_SECONDS = 0.05


class Handler(BaseHTTPRequestHandler):
    """/file: the content; /short, /silent, /drip, /drip_headers, /endless, /announced: as they say; others: 404."""

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        kind, content = self.path.strip('/').split('/')[0], self.server.content
        if kind == 'silent':
            time.sleep(self.server.patience)
        elif kind == 'drip_headers':
            self._drip(b'HTTP/1.0 200 OK\r\nX: ' + b'x' * 1000)
        elif kind not in ('file', 'short', 'drip', 'endless', 'announced', 'unsized', 'page'):
            self.send_error(404)
        else:
            self._send(kind, content)

    do_HEAD = do_GET

    def _send(self, kind: str, content: bytes) -> None:
        self.send_response(200)
        sizes = {'file': len(content), 'short': len(content) + 7, 'drip': 10**6, 'announced': 10**12}
        if kind in sizes:
            self.send_header('Content-Length', str(sizes[kind]))
        self.end_headers()
        if kind == 'page':
            self.wfile.write(b'<!DOCTYPE html><title>Please log in</title>')
        elif kind == 'drip':
            self._drip(bytes(1000))
        elif kind == 'endless':
            self._repeat(bytes(2**16), 10**6, 0)
        elif self.command == 'GET':
            self.wfile.write(content)

    def _drip(self, content: bytes) -> None:
        for byte in content:
            self._repeat(bytes([byte]), 1, DRIP_SECONDS)

    def _repeat(self, chunk: bytes, times: int, pause: float) -> None:
        for _ in range(times):
            if self.server.is_over:
                return
            self.wfile.write(chunk)
            self.wfile.flush()
            time.sleep(pause)

    def handle(self) -> None:
        try:
            super().handle()
        except OSError:  # the client left
            pass

    def log_message(self, *args: object) -> None:
        pass


@contextmanager
def serving(content: bytes = b'', patience: float = 3) -> Iterator[ThreadingHTTPServer]:
    """Serves on a free port; `.url` is the server's address, `.asked` the paths that it was asked for."""
    server = ThreadingHTTPServer(('127.0.0.1', 0), Handler)
    server.daemon_threads = True
    server.content, server.patience, server.asked, server.is_over = content, patience, [], False
    server.url = f'http://127.0.0.1:{server.server_port}'
    threading.Thread(target=server.serve_forever, kwargs={'poll_interval': 0.01}, daemon=True).start()
    try:
        yield server
    finally:
        server.is_over = True
        server.shutdown()
        server.socket.close()
