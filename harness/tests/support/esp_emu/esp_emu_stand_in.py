# SPDX-License-Identifier: MIT
"""A stand-in for Espressif's esp-emu, which speaks as its documentation says, and emulates nothing.

It takes the documented options and refuses all others, shows a console on standard input and
output, offers a Wi-Fi network, forwards TCP ports, and has the control channel. The firmware is a
script in the image (`esp_emu_image`): which network it joins, and so on.

Source: README.md of github.com/espressif/esp-emulator as of esp-emu 0.49.0.
"""

from __future__ import annotations

import argparse
import http.server
import json
import os
import re
import signal
import socketserver
import struct
import sys
import threading
from pathlib import Path
from typing import Any, NoReturn

VERSION = os.environ.get("STAND_IN_VERSION", "0.49.0")
CHIPS = {"esp32c3": 5, "esp32c6": 13, "esp32s3": 9}
"""Those with a board, by `--chip`, and their `chip_id` (esp_app_format.h)."""
SCRIPT = b"STAND-IN:"
"""What a script begins with in an image; it ends with NUL."""
GUEST = "192.168.4.2"

_HOSTFWD = re.compile(r"hostfwd=(tcp|udp):([0-9.]*):(\d+)-:(\d+)")
_PRINTING = threading.Lock()


def parser() -> argparse.ArgumentParser:
    """Return the parser of the documented options that a harness may need, and no others."""
    it = argparse.ArgumentParser(prog="esp-emu", allow_abbrev=False)
    it.add_argument("--version", action="version", version=f"esp-emu {VERSION}")
    it.add_argument("--chip", choices=CHIPS, required=True)
    it.add_argument("--firmware", required=True)
    for name in (
        "rom", "elf", "efuse", "timeout", "exit-on", "batch-size", "ble-hci", "thread-sim",
        "uart-tcp", "uart1-tcp", "psram-size", "strap-mode", "gdb", "trace", "rmt-loopback",
        "wifi-radius", "wifi-sae-pwe", "wifi-fw-ap-password", "console",
    ):  # fmt: skip
        it.add_argument(f"--{name}")
    for name in ("no-panic-intercept", "skip-bootloader", "skip-rom", "save-state", "gdb-halt"):
        it.add_argument(f"--{name}", action="store_true")
    for name in ("inject", "inject-on"):
        it.add_argument(f"--{name}", action="append")
    it.add_argument("--net", required=True)  # not required there: it would look for tap0
    it.add_argument("--wifi-ssid", default="myssid")
    it.add_argument("--wifi-password", default="mypassword")
    it.add_argument("--wifi-auth", default="wpa2-wpa3")
    it.add_argument("--control-tcp")
    return it


def say(*lines: str) -> None:
    """Print lines on the console, as a UART does."""
    with _PRINTING:
        os.write(1, "".join(f"{line}\r\n" for line in lines).encode())


def fail(reason: str) -> NoReturn:
    """End with an error."""
    sys.exit(f"Error: {reason}")


def address(text: str) -> tuple[str, int]:
    """Return HOST:PORT as a pair."""
    host, _, port = text.rpartition(":")
    return host, int(port)


class Page(http.server.BaseHTTPRequestHandler):
    """The firmware's web server."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Answer GET."""
        known = self.path == "/"
        body = b"hello over Wi-Fi\n" if known else b"not found\n"
        self.send_response(200 if known else 404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Log nothing."""


class Closing(socketserver.BaseRequestHandler):
    """A forwarded port behind which nothing listens: the connection is closed."""

    def handle(self) -> None:
        """Close the connection."""


class Threaded(socketserver.ThreadingTCPServer):
    """A listener on a host port."""

    daemon_threads = True
    request_queue_size = 64


class Machine:
    """The chip with its script."""

    def __init__(self, args: argparse.Namespace, script: dict[str, Any]) -> None:
        """Prepare."""
        self.args, self.script = args, script
        self.joined = script.get("ssid") == args.wifi_ssid and (
            script.get("password", "") == args.wifi_password
        )

    def boot(self, cause: str) -> None:
        """Print what a boot prints."""
        chip = self.args.chip
        say(f"ESP-ROM:{chip}-20220919", f"rst:0x1 ({cause}),boot:0x8 (SPI_FAST_FLASH_BOOT)")
        say(
            "I (40) boot: ESP-IDF v5.5.4 2nd stage bootloader",
            "I (300) main_task: Calling app_main()",
        )
        if self.script.get("panics"):
            say("abort() was called at PC 0x42008f2a on core 0", "Rebooting...")
            return
        if "ssid" not in self.script:
            say("I (400) main: no network")
            return
        say("I (560) wifi:mode : sta (60:55:f9:00:00:01)")
        if not self.joined:
            say("I (3000) wifi station: retry to connect to the AP")
            return
        say(f"I (1700) esp_netif_handlers: sta ip: {GUEST}, mask: 255.255.255.0, gw: 192.168.4.1")

    def forward(self, host: str, port: int, guest: int) -> None:
        """Listen on a host port."""
        serves = self.joined and guest == self.script.get("port", 80)
        handler = Page if serves else Closing
        try:
            server = Threaded((host or "0.0.0.0", port), handler)
        except OSError as error:
            fail(f"hostfwd: {host}:{port}: {error.strerror}")
        threading.Thread(target=server.serve_forever, daemon=True).start()

    def control(self, host: str, port: int) -> None:
        """Serve the control channel."""
        machine = self

        class Channel(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                for line in self.rfile:
                    self.wfile.write(machine.command(line.decode().strip()).encode() + b"\n")

        server = Threaded((host, port), Channel)
        threading.Thread(target=server.serve_forever, daemon=True).start()

    def command(self, text: str) -> str:
        """Execute a command of the control channel."""
        if text == "ping":
            return "ok"
        if text in ("reset", "reset --soft"):
            self.boot("SW_CPU" if text.endswith("soft") else "POWERON")
            return "ok"
        return f"err: unknown command: {text}"


def script_of(args: argparse.Namespace) -> dict[str, Any]:
    """Return the script in the image; ends the process if it is for another chip."""
    try:
        image = Path(args.firmware).read_bytes()
    except OSError as error:
        fail(f"{args.firmware}: {error.strerror}")
    (chip,) = struct.unpack_from("<H", image, 12)
    if image[:1] != b"\xe9" or chip != CHIPS[args.chip]:
        fail(f"{args.firmware} is not an image for {args.chip}")
    begin = image.find(SCRIPT) + len(SCRIPT)
    found: dict[str, Any] = json.loads(image[begin : image.index(b"\0", begin)])
    return found


def main() -> None:
    """Run until SIGINT, or until the console is closed."""
    signal.signal(signal.SIGINT, lambda *_: os._exit(0))
    args = parser().parse_args()
    script = script_of(args)
    if args.wifi_password and not 8 <= len(args.wifi_password) <= 63:
        fail("--wifi-password: 8-63 characters")
    backend, *rules = args.net.split(",")
    if backend != "user":
        fail(f"--net {backend}: no such backend here")
    machine = Machine(args, script)
    for rule in rules:
        if rule in ("restrict=yes", "restrict=no"):
            continue
        if (found := _HOSTFWD.fullmatch(rule)) is None:
            fail(f"--net: unknown option {rule}")
        if found[1] == "tcp":
            machine.forward(found[2], int(found[3]), int(found[4]))
    if args.control_tcp:
        machine.control(*address(args.control_tcp))
    machine.boot("POWERON")
    for line in sys.stdin:
        say(f"> {line.rstrip()}")
        if line.strip() == "die":
            fail("IllegalInstruction")
    threading.Event().wait()  # a closed standard input does not end a chip


if __name__ == "__main__":
    main()
