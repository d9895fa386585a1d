# SPDX-License-Identifier: MIT
"""Installs packages into a virtual environment: with uv, in half of the time or less, or with pip.

pip is there in each new environment, so it installs uv. uv does not read pip's configuration; what
that says about indexes, proxies and certificates goes to it in its own variables. Whatever uv
cannot do, pip does: it speaks for what is wrong.
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
"""uv's variable for each setting of pip that says where packages come from."""
_SECTIONS = ("global", "install", ":env:")
"""Those of pip's configuration that `pip install` obeys; a later one overrides."""
_COMMAS = {"UV_FIND_LINKS"}
"""Variables whose items stand between commas; pip's stand between spaces."""


def install(folder: Path, arguments: Sequence[str], failure: str) -> None:
    """Install into the environment `folder` what `pip install` would with these arguments.

    Raises:
        Problem: it failed; begins with `failure`.
    """
    uv = folder / "bin" / "uv"
    if uv.exists():
        if _uv(uv, arguments):
            return
        print("espbench: uv could not do that, so pip does, which takes longer", flush=True)
    result = _pip(folder, ["install", *arguments], show=True)
    if result.returncode:
        raise Problem(f"{failure}: {explain(result.stderr)}")


def add_uv(folder: Path, lock: str) -> None:
    """Install the uv of a lock file's text, if there is one for this machine and it can be had."""
    if not (line := locked_uv(lock)):
        return
    only_uv = folder / "uv.txt"
    only_uv.write_text(line)
    # Without a wheel pip would compile it, for which it needs Rust.
    _pip(folder, ["install", *HASHED, "--only-binary=:all:", "-r", str(only_uv)])
    only_uv.unlink()


def locked_uv(lock: str) -> str:
    """Return what a lock file has about uv, with its hashes, or ""; pure."""
    found = re.search(r"^uv==.*?(?=^\S|\Z)", lock, re.MULTILINE | re.DOTALL)
    return found[0] if found else ""


def uv_variables(config: str) -> dict[str, str]:
    """Return uv's variables for what `pip config list` printed; pure.

    A line is such as `global.index-url='https://...'`.
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
    # As pip does, look into every index: a locked hash says which file is the right one.
    environment: Mapping[str, str] = {
        "UV_INDEX_STRATEGY": "unsafe-best-match",
        **uv_variables(config),
        **os.environ,
    }
    # Its progress goes to the terminal.
    stderr = None if sys.stdout.isatty() else subprocess.DEVNULL
    command = [str(uv), "pip", "install", f"--python={python}", *arguments]
    return not subprocess.run(
        command, env=environment, stdin=subprocess.DEVNULL, check=False, stderr=stderr
    ).returncode


def _pip(
    folder: Path, arguments: Sequence[str], *, show: bool = False
) -> subprocess.CompletedProcess[str]:
    """Run pip; its progress goes to the terminal when `show`, its errors are kept."""
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
    """Return what pip's errors mean, and what to do next."""
    text = stderr.lower()
    last = next(
        (line for line in reversed(stderr.strip().splitlines()) if "error" in line.lower()),
        "pip gave no reason",
    ).strip()
    if "do not match the hashes" in text:
        return (
            "a package differs from the one that requirements.lock names. Make again; if it "
            f"stays so, something between you and the package index alters files ({last})."
        )
    if "no space left" in text:
        return "the disk is full. Free some space (about 300 MB), then make again."
    if "no matching distribution" in text or "connection" in text or "timed out" in text:
        return (
            "the package index did not answer, or lacks a package. Check the network, a proxy "
            f"and pip's configuration, then make again ({last})."
        )
    return f"{last}. Put that right, then make again."
