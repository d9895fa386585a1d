# SPDX-License-Identifier: MIT
"""A key log for all TLS clients of a session, so that the captures of its tests can be decrypted.

The environment variable `SSLKEYLOGFILE` is known to `ssl.create_default_context()`, and with it to
urllib, urllib3, requests, aiohttp and websockets; beside Python to curl, Chromium and Firefox.
`ssl.SSLContext(...)` ignores it, which httpx uses with `verify=False`, so such contexts get the
file when they are used.
"""

from __future__ import annotations

import contextlib
import functools
import os
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

from espbench.clients.tls import KEY_LOG
from espbench.util import tempdirs

__all__ = ["KeyLog"]

USES = ("wrap_socket", "wrap_bio")
"""Methods of `ssl.SSLContext` that begin a connection; asyncio uses the second one."""


class KeyLog:
    """Collects the secrets of the process's TLS connections until `close`."""

    def __init__(self) -> None:
        """Take the file that `SSLKEYLOGFILE` names, or name one there that only this user can read.

        A client that cannot write the file works without it.
        """
        self._folder: Path | None = None
        named = os.environ.get(KEY_LOG)
        if not named:
            self._folder = tempdirs.new_folder("key-log")
            path = self._folder / "tls-secrets.txt"
            path.touch(mode=0o600)
            named = os.environ[KEY_LOG] = str(path)
        self._replaced = {name: getattr(ssl.SSLContext, name) for name in USES}
        for name, method in self._replaced.items():
            setattr(ssl.SSLContext, name, _logging(method, named))

    def close(self) -> None:
        """Remove the file, if it is the session's; contexts used from now on log nothing to it."""
        for name, method in self._replaced.items():
            setattr(ssl.SSLContext, name, method)
        self._replaced = {}
        if self._folder is not None:
            os.environ.pop(KEY_LOG, None)
            tempdirs.remove_folder(self._folder)
            self._folder = None


def _logging(method: Callable[..., Any], path: str) -> Callable[..., Any]:
    """Return a method of `ssl.SSLContext` that first names the file to a context without one."""

    @functools.wraps(method)
    def use(context: ssl.SSLContext, *args: Any, **options: Any) -> Any:
        if not context.keylog_filename:
            with contextlib.suppress(OSError):
                context.keylog_filename = path
        return method(context, *args, **options)

    return use
