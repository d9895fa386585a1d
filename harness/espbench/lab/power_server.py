# SPDX-License-Identifier: MIT
"""`PowerServer`: a board's power switch over HTTP, for labgrid's NetworkPowerPort, model `rest`."""

from __future__ import annotations

import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from espbench.errors import EspbenchError


class PowerServer:
    """Answers GET with 0 or 1; PUT of 0 or 1 switches the power."""

    def __init__(
        self, address: str, is_on: Callable[[], bool], switch: Callable[[bool], None]
    ) -> None:
        """Listen on a free port of `address`."""

        class Handler(_Handler):
            power = (is_on, switch)

        self._server = ThreadingHTTPServer((address, 0), Handler)
        self._server.daemon_threads = True
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(
            target=self._server.serve_forever, name="espbench-lab-power", daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    power: tuple[Callable[[], bool], Callable[[bool], None]]
    timeout = 10

    def do_GET(self) -> None:
        self._answer(b"1" if self.power[0]() else b"0")

    def do_PUT(self) -> None:
        length = self.headers.get("Content-Length", "")
        state = self.rfile.read(1) if length == "1" else b""
        if state not in (b"0", b"1"):
            self.send_error(400, "PUT 1 to switch the board on, or 0 to switch it off.")
            return
        try:
            self.power[1](state == b"1")
        except EspbenchError as error:
            self.send_error(500, str(error).partition("\n")[0])
            return
        self._answer(state)

    def _answer(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (http.server's name)
        """Log nothing, because labgrid logs its clients' actions."""
