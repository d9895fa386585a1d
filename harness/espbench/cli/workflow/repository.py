# SPDX-License-Identifier: MIT
"""Asks git about a project's repository: its root, default branch, remote and files."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import urlsplit

from espbench.util.programs import output

__all__ = ["default_branch", "is_tracked", "origin", "public_url", "pushed", "revision", "root_of"]

USUAL_BRANCHES = ("main", "master")
TAG = re.compile(r"v?\d+(\.\d+)+")
_SCP = re.compile(r"(?:[\w.-]+@)?([\w-]+(?:\.[\w-]+)+):(?!/)(.+)")
"""The scp-like form of an SSH URL (git-clone, "Git URLs"), such as git@github.com:me/app.git."""


def _git(folder: Path, *arguments: str) -> str:
    return output(["git", "-C", str(folder), *arguments]).strip()


def root_of(folder: Path) -> Path | None:
    """Return the root of the work tree that a folder is in; None without one."""
    found = _git(folder, "rev-parse", "--show-toplevel")
    return Path(found) if found else None


def default_branch(root: Path) -> str:
    """Return a repository's default branch; "" if git does not know one.

    That is the remote's HEAD, which `git clone` records. A repository that was not cloned has
    `main` or `master`, or else the current branch.
    """
    remote = _remote(root)
    head = _git(root, "symbolic-ref", "--quiet", "--short", f"refs/remotes/{remote}/HEAD")
    if head:
        return head.removeprefix(f"{remote}/")
    names = _git(root, "for-each-ref", "--format=%(refname:short)", "refs/heads")
    names += "\n" + _git(root, "for-each-ref", "--format=%(refname:lstrip=3)", "refs/remotes")
    known = [name for name in USUAL_BRANCHES if name in names.split()]
    return known[0] if known else _git(root, "symbolic-ref", "--quiet", "--short", "HEAD")


def _remote(root: Path) -> str:
    remotes = _git(root, "remote").split()
    return "origin" if "origin" in remotes or not remotes else remotes[0]


def origin(root: Path) -> str:
    """Return the URL from which a repository was cloned; "" without a remote."""
    return _git(root, "remote", "get-url", _remote(root))


def public_url(url: str) -> str:
    """Return an https URL for a remote on another host, without credentials; "" for a local one."""
    if match := _SCP.fullmatch(url):
        return f"https://{match[1]}/{match[2]}"
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.scheme not in ("http", "https", "ssh", "git") or "." not in host:
        return ""
    if host.startswith("127.") or host.endswith((".local", ".localhost")):
        return ""
    port = f":{parts.port}" if parts.port and parts.scheme in ("http", "https") else ""
    return f"https://{host}{port}{parts.path}"


def revision(root: Path) -> str:
    """Return the tag of the commit that is checked out if it names a version, else the commit."""
    tags = _git(root, "tag", "--points-at", "HEAD").split()
    versions = [tag for tag in tags if TAG.fullmatch(tag)]
    return versions[-1] if versions else _git(root, "rev-parse", "HEAD")


def pushed(root: Path, name: str) -> bool:
    """Return whether a branch of the remote has a commit, which may be named by a tag."""
    return bool(_git(root, "branch", "--remotes", "--contains", name))


def is_tracked(path: Path) -> bool:
    """Return whether a file is in its repository, or staged for it."""
    return bool(_git(path.parent, "ls-files", "--", path.name))
