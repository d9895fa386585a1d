# SPDX-License-Identifier: MIT
"""`download`: fetches a file of known size and SHA-256 from one of its origins, and can resume."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlsplit

import httpx

from espbench.errors import DiskFull, SourceError
from espbench.util.timeouts import timeout_scale

CONNECT_TIMEOUT = 10.0
"""Seconds (scaled) within which a mirror must accept the connection."""
SILENCE_TIMEOUT = 30.0
"""Seconds (scaled) for which a mirror may send nothing."""

Progress = Callable[[int], None]
"""Called with the number of bytes received so far."""


@dataclass(frozen=True)
class Wanted:
    """A file to fetch, and how to verify it.

    Attributes:
        path: path below a mirror's URL.
        sha256: hash in lower-case hex.
        size: size in bytes.
        elsewhere: URLs of the same file outside of mirrors, which are tried last.
    """

    path: str
    sha256: str
    size: int
    elsewhere: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The file's name."""
        return self.path.rsplit("/", 1)[-1]


class _Failed(Exception):
    """The mirror could not serve the file; the next one may."""


class _Absent(_Failed):
    """The mirror does not have the file."""


class _WrongContent(_Failed):
    """The mirror has different content under that name."""


def megabytes(count: int) -> str:
    """Return a number of bytes in readable form."""
    return f"{count / 1e6:.1f} MB" if count < 100e6 else f"{count / 1e6:.0f} MB"


def sha256_of(path: Path) -> str:
    """Return a file's SHA-256 in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextlib.contextmanager
def disk_errors(folder: Path, what: str) -> Iterator[None]:
    """Convert errors from a full or read-only disk into ones with a clear message.

    Raises:
        DiskFull: the disk is full (ENOSPC, EDQUOT, EFBIG).
        SourceError: the folder is not writable.
    """
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise DiskFull(
                f"The disk with {folder} is full, so {what} could not be stored: free some space, "
                "or point ESPBENCH_CACHE at another disk; the next run resumes from here."
            ) from error
        if error.errno in (errno.EACCES, errno.EROFS, errno.EPERM, errno.ENOTDIR):
            raise SourceError(
                f"{folder} is not writable ({os.strerror(error.errno)}): make it writable, or "
                "point ESPBENCH_CACHE at a folder that is."
            ) from error
        raise


def download(
    wanted: Wanted, mirrors: Sequence[str], folder: Path, progress: Progress = lambda _: None
) -> Path:
    """Fetch a file into `folder`, unless it exists already, and return its path.

    Partial content is kept in a `.part` file and resumed (RFC 9110, 14.2), even by a later run.

    Raises:
        SourceError: no origin served it, or it had the wrong hash.
        DiskFull: the disk is full.
    """
    target = folder / wanted.name
    part = folder / f"{wanted.name}.part"
    with disk_errors(folder, wanted.name):
        folder.mkdir(parents=True, exist_ok=True)
        if target.exists() and target.stat().st_size == wanted.size:
            return target
    failures: list[tuple[str, _Failed]] = []
    for url in (*(f"{mirror}/{quote(wanted.path)}" for mirror in mirrors), *wanted.elsewhere):
        try:
            with disk_errors(folder, wanted.name):
                _from_mirror(wanted, url, part, progress)
                part.replace(target)
            return target
        except _Failed as failure:
            failures.append((url, failure))
    raise SourceError(_sentence(wanted, failures, _size(part)))


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _from_mirror(wanted: Wanted, url: str, part: Path, progress: Progress) -> None:
    """Complete the part file and verify it; resume when a connection breaks."""
    resumed = _size(part) > 0
    before = -1
    while (have := _size(part)) < wanted.size:
        if have == before:
            raise _Failed("ended the transfer early, twice at the same offset")
        before = have
        _transfer(wanted, url, part, have, progress)
    if _size(part) == wanted.size and sha256_of(part) == wanted.sha256:
        return
    part.unlink()
    if resumed:
        # The resumed part may be from another file, or damaged: start once from scratch.
        _from_mirror(wanted, url, part, progress)
        return
    raise _WrongContent("served a file with a different SHA-256")


def _transfer(wanted: Wanted, url: str, part: Path, have: int, progress: Progress) -> None:
    """Append the response to one request to the part file, or start the file again."""
    headers = {"Accept-Encoding": "identity", "User-Agent": "espbench"}
    if have:
        headers["Range"] = f"bytes={have}-"
    timeout = httpx.Timeout(
        SILENCE_TIMEOUT * timeout_scale(), connect=CONNECT_TIMEOUT * timeout_scale()
    )
    try:
        with httpx.stream(
            "GET", url, headers=headers, timeout=timeout, follow_redirects=True
        ) as answer:
            if answer.status_code in (404, 410):
                raise _Absent("does not have it")
            if answer.status_code == 416:  # its file is shorter than our part
                part.unlink(missing_ok=True)
                raise _WrongContent("has a file of a different size")
            if answer.status_code not in (200, 206):
                raise _Failed(f"answered {answer.status_code} {answer.reason_phrase}".strip())
            appends = answer.status_code == 206 and _starts_at(answer, have)
            _check_length(answer, wanted.size - (have if appends else 0))
            with part.open("ab" if appends else "wb") as file:
                count = have if appends else 0
                # Without a chunk size: data that httpx buffers is lost when the connection breaks.
                for piece in answer.iter_raw():
                    file.write(piece)
                    count += len(piece)
                    progress(count)
                    if count > wanted.size:
                        file.truncate(0)
                        raise _WrongContent("served a file of a different size")
    except httpx.TimeoutException as error:
        raise _Failed(f"did not answer within {timeout.read:g} s") from error
    except httpx.RemoteProtocolError:
        if _size(part) == have:  # no progress: do not retry for ever
            raise _Failed("closed the connection early") from None
    except httpx.HTTPError as error:
        raise _Failed(f"could not be reached ({str(error) or type(error).__name__})") from error


def _starts_at(answer: httpx.Response, have: int) -> bool:
    return str(answer.headers.get("Content-Range", "")).startswith(f"bytes {have}-")


def _check_length(answer: httpx.Response, expected: int) -> None:
    length = answer.headers.get("Content-Length", "")
    if length.isdecimal() and int(length) != expected:
        raise _WrongContent("has a file of a different size")


def _sentence(wanted: Wanted, failures: Sequence[tuple[str, _Failed]], kept: int) -> str:
    """Return the error message: each origin's failure, and what to do."""
    reasons = ", ".join(f"{urlsplit(url).netloc} {failure}" for url, failure in failures)
    text = f"{wanted.name} could not be fetched: {reasons}."
    if all(isinstance(failure, _Absent) for _, failure in failures):
        return f"{text} Set ESPBENCH_DEBIAN_MIRROR to a Debian mirror that has it."
    if any(isinstance(failure, _WrongContent) for _, failure in failures):
        return (
            f"{text} The download was removed; try again, and if that fails too, set "
            "ESPBENCH_DEBIAN_MIRROR to another Debian mirror."
        )
    if kept:
        return (
            f"{text} {megabytes(kept)} of {megabytes(wanted.size)} are kept; check the network, "
            "and the next run resumes from there."
        )
    return f"{text} Check the network and any proxy, then try again."
