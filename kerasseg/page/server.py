"""A server that shows a table of files, and takes nothing."""

import contextlib
import http.server
import os
import shutil
import socket
import socketserver
import sys
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import unquote
from urllib.parse import urlsplit

TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".mjs": "text/javascript; charset=utf-8",
    ".onnx": "application/octet-stream",
    ".png": "image/png",
    ".wasm": "application/wasm",
}
REFUSED = (
    "This server takes no uploads: the page segments images in the browser, "
    "and nothing leaves it.\n"
)
# Browsers share memory, and so have threads, only on isolated pages.
_HEADERS = {
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Cache-Control": "no-cache",
    "X-Content-Type-Options": "nosniff",
}


class Server(http.server.ThreadingHTTPServer):
    """Serves files by a table: what is not in it does not exist.

    It listens once it is made, and answers within `serve_forever`. Use it as a
    context manager.

    Args:
        host: Name or address to listen at.
        port: Port from 0 to 65535; 0 takes a free one.

    Raises:
        OSError: If it cannot listen there.
    """

    daemon_threads = True

    def __init__(self, host: str, port: int):
        self.files: Mapping[str, Path | bytes] = {}
        self._host = host
        if ":" in host:
            self.address_family = socket.AF_INET6
        super().__init__((host, port), _Handler)

    @property
    def url(self) -> str:
        """The address of the page."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"http://{host}:{self.server_port}/"

    def server_bind(self):
        # Without asking the network for the name of the host, as usual.
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = self.server_address[:2]

    def handle_error(self, request, client_address):
        # A browser that goes away in the middle of a file is no error.
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class _Handler(http.server.BaseHTTPRequestHandler):
    server_version = "kerasseg"
    sys_version = ""
    timeout = 60

    def do_GET(self):
        try:
            name = unquote(urlsplit(self.path).path).removeprefix("/")
        except ValueError:
            self._answer(400, b"This is no address.\n")
            return
        content = self.server.files.get(name or "index.html")
        if content is None:
            self._answer(404, b"There is no such file on this page.\n")
        elif isinstance(content, bytes):
            self._answer(200, content, TYPES[Path(name).suffix])
        else:
            self._send_file(content, TYPES[content.suffix])

    do_HEAD = do_GET

    def do_POST(self):
        self._answer(405, REFUSED.encode(), Allow="GET, HEAD")
        # Who is still sending would not get to read it: a file of usual size
        # is taken, and dropped.
        length = self.headers.get("Content-Length", "")
        left = int(length) if length.isdecimal() and len(length) < 8 else 0
        while left > 0 and (chunk := self.rfile.read(min(left, 1 << 16))):
            left -= len(chunk)

    do_PUT = do_PATCH = do_DELETE = do_POST

    def _send_file(self, path, kind):
        with contextlib.ExitStack() as opened:
            try:
                file = opened.enter_context(open(path, "rb"))
            except OSError:
                self._answer(410, b"The file was deleted or cannot be read.\n")
                return
            self._start(200, kind, os.fstat(file.fileno()).st_size)
            if self.command != "HEAD":
                shutil.copyfileobj(file, self.wfile)

    def _answer(self, code, content, kind="text/plain", **headers):
        self._start(code, kind, len(content), headers)
        if self.command != "HEAD":
            self.wfile.write(content)

    def _start(self, code, kind, size, headers=None):
        self.send_response(code)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(size))
        for name, value in {**_HEADERS, **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, *arguments):
        pass
