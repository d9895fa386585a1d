# SPDX-License-Identifier: MIT
"""Says in one sentence why one of Espressif's installers failed, and what to do next."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

from espbench.errors import DiskFull, EspbenchError, SetupError
from espbench.setup.plan import URL_VARIABLE, Plan
from espbench.util.idf_tools import IDF_TAG

__all__ = ["disk_full", "failure"]

_DISK = re.compile(r"No space left on device|Disk quota exceeded")
_NETWORK = re.compile(
    r"Could not resolve host|Failed to connect|Couldn't connect|unable to access|early EOF"
    r"|Connection (?:timed out|refused|reset)|RPC failed|unexpected disconnect"
    r"|Could not read from remote|does not appear to be a git repository|hung up unexpectedly"
    r"|Network is unreachable|urlopen error|Name or service not known|name resolution"
    r"|Max retries exceeded|[Ff]ailed to download|Download failed",
)
"""What git, pip and idf_tools.py print when a server cannot be reached."""
_NO_TAG = re.compile(r"couldn't find remote ref|Remote branch \S+ not found")
_CAUSE = re.compile(r"^(?:ERROR|fatal|error)\b:? *")


def disk_full(plan: Plan, folder: Path) -> DiskFull:
    """Return the error for a full disk."""
    return DiskFull(
        f"The disk with {folder} is full, so Espressif's tools could not be installed: free some "
        f"space, or set IDF_TOOLS_PATH to a folder on another disk, then run `{plan.command}` "
        "again; it continues from there."
    )


def failure(plan: Plan, what: str, status: int, lines: Sequence[str], log: Path) -> EspbenchError:
    """Return the error for an installer that failed.

    Args:
        plan: what was being installed.
        what: the installer, as the subject of a sentence.
        status: its exit status; the negated signal number if a signal killed it.
        lines: its output.
        log: the file that has all output.
    """
    text = "\n".join(lines)
    if _DISK.search(text):
        return disk_full(plan, plan.folder)
    continues = f"run `{plan.command}` again; it continues from there."
    if _NO_TAG.search(text):
        return SetupError(
            f"{plan.url} does not have ESP-IDF {IDF_TAG}: point {URL_VARIABLE} at a mirror that "
            f"has it, then {continues}"
        )
    if status < 0:
        return SetupError(
            f"{what} was killed by signal {-status}: check `dmesg` for a lack of memory, then "
            f"{continues}"
        )
    if unreachable := next((line for line in lines if _NETWORK.search(line)), ""):
        host = urlsplit(plan.url).netloc or plan.url
        mirror = f", or point {URL_VARIABLE} at a mirror of {host}" if what == "git" else ""
        return SetupError(
            f"{what} could not reach its server ({_plain(unreachable)}): check the network and any "
            f"proxy{mirror}, then {continues}"
        )
    causes = [line for line in lines if _CAUSE.match(line)]
    cause = _plain((causes or [*lines[-1:], f"exit status {status}"])[0])
    return SetupError(f"{what} failed ({cause}): read its output in {log}, then {continues}")


def _plain(line: str) -> str:
    return _CAUSE.sub("", line).rstrip(".:")
