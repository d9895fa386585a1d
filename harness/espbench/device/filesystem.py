# SPDX-License-Identifier: MIT
"""`Filesystem`: writes and reads files of a running device, through its MicroPython."""

from __future__ import annotations

import base64
from pathlib import PurePosixPath

from espbench.device.micropython import MicroPython
from espbench.flash.littlefs_image import check_name

__all__ = ["Filesystem"]

_MAKE_FOLDERS = """
import os as _o
for _p in {folders!r}:
    try: _o.mkdir(_p)
    except OSError as _e:
        if _e.errno != 17: raise
"""
"""Creates missing folders on the device (17 is EEXIST)."""


class Filesystem:
    """The file system of a running device."""

    def __init__(self, python: MicroPython, longest: int) -> None:
        """Use an interpreter.

        Args:
            python: the device's.
            longest: the most bytes of a file that fit into one request.
        """
        self._python = python
        self._longest = longest

    def put(self, path: str, content: bytes | str, *, piece: int = 30_000) -> None:
        """Write a file, in pieces of at most `piece` bytes, creating its folders.

        Raises:
            ControlError: the device could not write it.
        """
        data = content.encode() if isinstance(content, str) else content
        path = check_name(path)
        self._python.exec(
            _MAKE_FOLDERS.format(folders=[str(p) for p in PurePosixPath(path).parents][-2::-1])
        )
        piece = min(piece, self._longest)
        self._python.exec("import binascii as _b")
        for position in range(0, max(len(data), 1), piece):
            mode = "ab" if position else "wb"
            part = base64.b64encode(data[position : position + piece]).decode()
            self._python.exec(
                f"with open({path!r}, {mode!r}) as _f: _f.write(_b.a2b_base64('{part}'))"
            )
        self._python.exec("del _f, _b")

    def get(self, path: str, *, piece: int = 2048) -> bytes:
        """Read a file, in pieces of at most `piece` bytes.

        Raises:
            ControlError: the device could not read it.
        """
        data = b""
        self._python.exec(f"_f = open({path!r}, 'rb'); import binascii as _b")
        while part := self._python.eval(f"_b.b2a_base64(_f.read({piece}))").strip():
            data += base64.b64decode(part)
        self._python.exec("_f.close(); del _f, _b")
        return data
