# SPDX-License-Identifier: MIT
"""The device's own web page: status, and a WebREPL terminal with upload and download.

The page is one compressed file in the firmware and loads nothing from other hosts.
"""

def start(name: str | None = None, uri: str = "/", webrepl_path: str = "/webrepl") -> None:
    """Serve the page at `uri`, and its figures as `status.json` below it, on http and https.

    A client that does not accept gzip gets the device's name as text.

    Args:
        name: the device's name on the page; `None`: the name of its board.
        uri: path of the page, ending in `/`.
        webrepl_path: path of the endpoint of `webrepl.start`.

    Raises:
        ValueError: `uri` does not end in `/`.
        OSError: ENOSPC: all 32 entries for handlers are in use; ENOMEM: no memory.

    Memory:
        The same as for a stream in `httpserver.send`.
    """
