"""Serve this folder, isolated from other pages, so that threads work.

    python serve.py

Any other static server does, with a single thread.
"""

import functools
import http.server
import sys
from pathlib import Path

HOST = "127.0.0.1"
PORT = 8000


class Handler(http.server.SimpleHTTPRequestHandler):
    """Files, with the headers that browsers ask for before sharing memory."""

    extensions_map = {
        **http.server.SimpleHTTPRequestHandler.extensions_map,
        ".mjs": "text/javascript",
        ".wasm": "application/wasm",
    }

    def end_headers(self):
        self.send_header("Cross-Origin-Opener-Policy", "same-origin")
        self.send_header("Cross-Origin-Embedder-Policy", "require-corp")
        self.send_header("Cache-Control", "no-cache")
        super().end_headers()

    def log_message(self, *arguments):
        pass


def main():
    """Serves until interrupted; the one argument is another port."""
    port = int(sys.argv[1]) if len(sys.argv) > 1 else PORT
    folder = str(Path(__file__).parent)
    handler = functools.partial(Handler, directory=folder)
    with http.server.ThreadingHTTPServer((HOST, port), handler) as server:
        print(f"http://{HOST}:{server.server_port}/", flush=True)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            return


if __name__ == "__main__":
    main()
