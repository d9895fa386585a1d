# SPDX-License-Identifier: MIT
"""Install packages into a virtual environment with uv, in at most half the time, or with pip.

Every new environment has pip, which installs uv. uv does not read pip's configuration, so the
settings for indexes, proxies and certificates are passed in uv's environment variables. If uv
fails, pip takes over, and its errors are shown.
"""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from problem import Problem

HASHED = ("--require-hashes", "--no-deps")
UV_VARIABLES = {
    "index-url": "UV_DEFAULT_INDEX",
    "extra-index-url": "UV_INDEX",
    "find-links": "UV_FIND_LINKS",
    "no-index": "UV_NO_INDEX",
    "trusted-host": "UV_INSECURE_HOST",
    "cert": "SSL_CERT_FILE",
    "client-cert": "SSL_CLIENT_CERT",
    "proxy": "ALL_PROXY",
}
"""uv's environment variable for each of pip's settings of package sources."""
_SECTIONS = ("global", "install", ":env:")
"""Sections of pip's configuration that apply to `pip install`; later ones override."""
_COMMAS = {"UV_FIND_LINKS"}
"""Variables whose items are separated by commas; pip separates them by spaces."""


def install(folder: Path, arguments: Sequence[str], failure: str) -> None:
    """Install into the environment `folder` as `pip install` would with these arguments.

    Raises:
        Problem: it failed; the message begins with `failure`.
    """
    uv = folder / "bin" / "uv"
    if uv.exists():
        if _uv(uv, arguments):
            return
        print("espbench: uv failed, so pip is used, which takes longer", flush=True)
    result = _pip(folder, ["install", *arguments], show=True)
    if result.returncode:
        raise Problem(f"{failure}: {explain(result.stderr)}")


def add_uv(folder: Path, lock: str) -> None:
    """Install the uv that a lock file's text names, if it is available for this machine."""
    if not (line := locked_uv(lock)):
        return
    only_uv = folder / "uv.txt"
    only_uv.write_text(line)
    # Without a wheel, pip would compile it, which needs Rust.
    _pip(folder, ["install", *HASHED, "--only-binary=:all:", "-r", str(only_uv)])
    only_uv.unlink()


def locked_uv(lock: str) -> str:
    """Return a lock file's entry for uv, with its hashes, or ""; pure."""
    found = re.search(r"^uv==.*?(?=^\S|\Z)", lock, re.MULTILINE | re.DOTALL)
    return found[0] if found else ""


def uv_variables(config: str) -> dict[str, str]:
    """Return uv's variables for the output of `pip config list`; pure.

    A line looks like `global.index-url='https://...'`.
    """
    settings: dict[str, str] = {}
    for section in _SECTIONS:
        for line in config.splitlines():
            key, equals, value = line.removeprefix(f"{section}.").partition("=")
            if equals and line.startswith(f"{section}."):
                settings[key] = str(ast.literal_eval(value))
    return {
        name: ("," if name in _COMMAS else " ").join(settings[key].split())
        for key, name in UV_VARIABLES.items()
        if key in settings
    }


def _uv(uv: Path, arguments: Sequence[str]) -> bool:
    python = uv.parent / "python"
    config = _pip(uv.parent.parent, ["config", "list"]).stdout
    # Search every index, as pip does: the locked hash identifies the right file.
    environment: Mapping[str, str] = {
        "UV_INDEX_STRATEGY": "unsafe-best-match",
        **uv_variables(config),
        **os.environ,
    }
    # uv prints its progress on standard error.
    stderr = None if sys.stdout.isatty() else subprocess.DEVNULL
    command = [str(uv), "pip", "install", f"--python={python}", *arguments]
    return not subprocess.run(
        command, env=environment, stdin=subprocess.DEVNULL, check=False, stderr=stderr
    ).returncode


def _pip(
    folder: Path, arguments: Sequence[str], *, show: bool = False
) -> subprocess.CompletedProcess[str]:
    """Run pip; capture its errors, and show its progress on a terminal if `show`."""
    command = [str(folder / "bin" / "python"), "-m", "pip", "--disable-pip-version-check"]
    progress = show and sys.stdout.isatty()
    if show and not progress:
        command.append("--quiet")
    return subprocess.run(
        [*command, *arguments],
        stdout=None if show else subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        stdin=subprocess.DEVNULL,
        check=False,
    )


def explain(stderr: str) -> str:
    """Explain pip's errors, and say what to do next."""
    text = stderr.lower()
    last = next(
        (line for line in reversed(stderr.strip().splitlines()) if "error" in line.lower()),
        "pip gave no reason",
    ).strip()
    if "do not match the hashes" in text:
        return (
            "a package differs from the one in requirements.lock. Run make again; if that does not "
            f"help, something between you and the package index alters files ({last})."
        )
    if "no space left" in text:
        return "the disk is full. Free some space (about 300 MB), then run make again."
    if "no matching distribution" in text or "connection" in text or "timed out" in text:
        return (
            "the package index did not answer, or lacks a package. Check the network, the proxy "
            f"and pip's configuration, then run make again ({last})."
        )
    return f"{last}. Fix the cause, then run make again."
