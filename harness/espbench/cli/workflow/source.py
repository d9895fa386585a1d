# SPDX-License-Identifier: MIT
"""`installed_from`: what pip needs to install this espbench on another machine."""

from __future__ import annotations

import importlib.metadata
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from espbench.cli.workflow import repository

__all__ = ["Source", "installed_from"]

ONLY_HERE = "which other machines cannot reach"


@dataclass(frozen=True)
class Source:
    """Where this espbench came from.

    Attributes:
        wanted: what another machine's pip needs, pinned; "" if that is unknown.
        remark: what the user should know about it.
        sure: whether nothing is left to do.
    """

    wanted: str
    remark: str
    sure: bool = False


def installed_from() -> Source:
    """Return where this espbench came from.

    By pip's record (https://packaging.python.org/en/latest/specifications/direct-url/). pip leaves
    none of a package from an index. `espbench` alone is not an answer then, because the index of
    another machine may have an unrelated package of that name.
    """
    record = _record()
    url = str(record.get("url", ""))
    if vcs := record.get("vcs_info"):
        wanted = str(vcs.get("requested_revision", ""))
        pin = wanted if repository.TAG.fullmatch(wanted) else vcs["commit_id"]
        if public := repository.public_url(url):
            return Source(
                f"{vcs['vcs']}+{public}@{pin}", "this espbench was installed from there", True
            )
        return _of_clone(url, pin)
    if "dir_info" in record:
        return _of_clone(url)
    if urlsplit(url).scheme == "https":
        return Source(url, "this espbench was installed from there", True)
    if url:
        return Source("", f"this espbench was installed from {_path(url)}, {ONLY_HERE}")
    return Source("", "pip did not record where this espbench was installed from")


def _record() -> Mapping[str, Any]:
    try:
        text = importlib.metadata.distribution("espbench").read_text("direct_url.json")
    except importlib.metadata.PackageNotFoundError:
        return {}
    found: Mapping[str, Any] = json.loads(text or "{}")
    return found


def _of_clone(url: str, pin: str = "") -> Source:
    """Return the remote of the clone on this machine from which espbench was installed.

    Args:
        url: the clone.
        pin: the installed tag or commit; "" for what is checked out.
    """
    where = _path(url)
    root = repository.root_of(Path(where)) if Path(where).is_dir() else None
    public = repository.public_url(repository.origin(root)) if root else ""
    if root is None or not public:
        return Source("", f"this espbench was installed from {where}, {ONLY_HERE}")
    pin = pin or repository.revision(root)
    wanted = f"git+{public}@{pin}"
    if not repository.pushed(root, pin):
        return Source(wanted, f"push this commit of {root} first: its remote does not have it")
    return Source(wanted, f"the remote of {root}, from which this espbench was installed", True)


def _path(url: str) -> str:
    return unquote(urlsplit(url).path) if url.startswith("file:") else url
