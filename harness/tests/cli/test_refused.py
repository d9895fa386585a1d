# SPDX-License-Identifier: MIT
"""Errors of the operating system give one clear sentence in every command."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import unprivileged
from espbench.cli import main as cli

WHAT_NEXT = "fix that, or name another folder."


@pytest.fixture
def locked(tmp_path: Path) -> Iterator[Path]:
    """Return a read-only folder."""
    folder = tmp_path / "locked"
    folder.mkdir(mode=0o500)
    yield folder
    folder.chmod(0o700)


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (
            ("ci", "."),
            f".github/workflows/espbench.yml cannot be written (Permission denied): {WHAT_NEXT}",
        ),
        (
            ("certs", "p256"),
            "build/certs/p256 cannot be written (Permission denied): choose another folder with "
            "--out.",
        ),
        (
            ("run", "smoke", "--firmware", "TINY", "--out", "."),
            "FOLDER/evidence is not accessible (Permission denied): change its permissions, or "
            "name another path.",
        ),
        (
            (
                *("parity", "smoke", "--boards", "lx60,esp32", "--out", "out"),
                *("--results", "lx60=RUN", "--results", "esp32=RUN"),
            ),
            "FOLDER/out is not accessible (Permission denied): change its permissions, or name "
            "another path.",
        ),
        (
            (
                *("gate", "--firmware", "TINY", "--ready-console", "^ready", "--quick"),
                *("--baseline", "base.json", "--update"),
            ),
            "The baseline base.json cannot be written (Permission denied): name another place with "
            "--baseline.",
        ),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_a_folder_without_access(
    command: tuple[str, ...],
    said: str,
    locked: Path,
    tmp_path: Path,
    tiny_firmware: Callable[..., Path],
) -> None:
    """Each command that writes exits with status 1 and one clear sentence, not a traceback."""
    (tmp_path / "run.xml").write_text(
        '<testsuite><testcase classname="scenarios.test_smoke" name="test_boots"/></testsuite>'
    )
    filled = [
        word.replace("TINY", str(tiny_firmware())).replace("RUN", str(tmp_path / "run.xml"))
        for word in command
    ]
    done = unprivileged.run(sys.executable, "-m", "espbench", *filled, folder=locked)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == f"espbench: {said.replace('FOLDER', str(locked))}"
    assert "Traceback" not in done.stderr
    assert not list(locked.iterdir())


def test_a_project_without_access(tmp_path: Path) -> None:
    """`espbench ci` on a folder without permissions gives one clear sentence."""
    folder = tmp_path / "closed"
    folder.mkdir(mode=0o000)
    try:
        done = unprivileged.run(
            sys.executable, "-m", "espbench", "ci", str(folder), folder=tmp_path
        )
    finally:
        folder.chmod(0o700)
    assert done.returncode == 1
    assert done.stderr == (
        f"espbench: {folder}/.github/workflows/espbench.yml cannot be written (Permission denied): "
        f"{WHAT_NEXT}\n"
    )


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (
            OSError(errno.EROFS, os.strerror(errno.EROFS), "/mnt/x"),
            "/mnt/x is not accessible (Read-only file system): change its permissions, or name "
            "another path.",
        ),
        (
            OSError(errno.EIO, os.strerror(errno.EIO), "/mnt/x"),
            "/mnt/x cannot be read or written (Input/output error): check the path, or name "
            "another.",
        ),
        (
            OSError(errno.EMFILE, os.strerror(errno.EMFILE)),
            "The operating system refused an operation: Too many open files.",
        ),
        (OSError(), "The operating system refused an operation: OSError."),
    ],
    ids=["read-only", "damaged", "without a file", "without a message"],
)
def test_any_other_error(
    error: OSError,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Every error of the operating system is reported, with the file if there is one."""

    def refused(*_arguments: object, **_options: object) -> object:
        raise error

    monkeypatch.setattr("espbench.doctor.doctor.examine", refused)
    assert cli.main(["doctor"]) == 1
    assert capsys.readouterr().err == f"espbench: {said}\n"
