# SPDX-License-Identifier: MIT
"""`Recipe`: a set of certificate files with a name and an expected outcome."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from espbench.certs.pki import SERVER_NAME

__all__ = [
    "CERT_FILE",
    "KEY_FILE",
    "TRUST_FILE",
    "Expectation",
    "Fails",
    "Files",
    "Recipe",
    "Starts",
]

CERT_FILE = "servercert.pem"
"""The certificate's file name, as in the users' guide."""
KEY_FILE = "prvtkey.pem"
"""The key's file name, as in the users' guide."""
TRUST_FILE = "trust.pem"
"""The certificate that a client has to trust; it never goes to the device."""

Files = Mapping[str, bytes]
"""Contents by name. A name with a slash creates a folder, so ``servercert.pem/x``
makes a folder where a certificate should be."""


@dataclass(frozen=True)
class Starts:
    """HTTPS starts with these files.

    `client_error` is a pattern for the error of a client that verifies, or None when
    the client accepts the certificate. `key` is the kind of key in the certificate.
    """

    key: str = "p256"
    client_error: str | None = None


@dataclass(frozen=True)
class Fails:
    """HTTPS does not start; `sentence` is a pattern for the message on the console."""

    sentence: str


Expectation = Starts | Fails
"""How a device handles a recipe's files."""


@dataclass(frozen=True)
class Recipe:
    """A set of certificate files, good or bad in one known way.

    `make` is called on the first use of the files, because generating keys takes time.
    `command` is the shell command that makes them, for a recipe from the users' guide.
    """

    name: str
    summary: str
    make: Callable[[], Files] = field(repr=False)
    expectation: Expectation
    server_name: str = SERVER_NAME
    cert_file: str = CERT_FILE
    key_file: str = KEY_FILE
    command: str | None = None

    @property
    def files(self) -> Files:
        """All files by name: the certificate, the key and the trusted certificate."""
        return _made(self.make)

    @property
    def device_files(self) -> Files:
        """The files that go to the device."""
        return {name: data for name, data in self.files.items() if name != TRUST_FILE}

    def on_device(self, folder: str = "/certs") -> Files:
        """Return `device_files` by their path on the device, for `Device(files=...)`."""
        return {f"{folder}/{name}": data for name, data in self.device_files.items()}

    @property
    def trust(self) -> str | None:
        """The certificates (PEM) that a client has to trust, or None when there are none."""
        data = self.files.get(TRUST_FILE)
        return None if data is None else data.decode("ascii")

    @property
    def starts(self) -> bool:
        """Whether HTTPS starts with these files."""
        return isinstance(self.expectation, Starts)

    def write(self, folder: Path) -> list[Path]:
        """Write the files into this folder, created if necessary, and return their paths.

        Keys get mode 0600, and a `.gitignore` keeps all files out of git.

        Raises:
            OSError: the folder cannot be written.
        """
        folder.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError), (folder / ".gitignore").open("x") as ignore:
            ignore.write("*\n")
        paths = []
        for name, data in self.files.items():
            path = folder / PurePosixPath(name)
            path.parent.mkdir(parents=True, exist_ok=True)
            mode = 0o600 if name.startswith(self.key_file) else 0o644
            path.touch(mode=mode)
            path.chmod(mode)  # it may already exist, readable by everyone
            path.write_bytes(data)
            paths.append(path)
        return paths


@functools.cache
def _made(make: Callable[[], Files]) -> Files:
    return make()
