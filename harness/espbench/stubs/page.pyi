# SPDX-License-Identifier: MIT
"""The device's own page: its figures, and a terminal for the WebREPL with upload and download.

In the firmware, as one compressed file; it needs no other host.
"""

def start(name: str | None = None, uri: str = "/", webrepl_path: str = "/webrepl") -> None:
    """Serve the page, and its figures as `status.json` beside it, on http and https alike.

    A client that does not accept gzip gets the name as text.

    Args:
        name: what the page calls the device; `None`: its board.
        uri: where, ending in `/`.
        webrepl_path: where `webrepl.start` has its endpoint.

    Raises:
        ValueError: `uri` does not end in `/`.
        OSError: ENOSPC: all 32 places for handlers are taken; ENOMEM: no memory.

    Memory:
        As `httpserver.send` has it for streams.
    """
