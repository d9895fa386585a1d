# SPDX-License-Identifier: MIT
"""ci/newcomer.py: the machines it creates, the scripts it runs, and its clean-up."""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import chroots
import newcomer
import pytest
from chroots import Machine, NotPossible
from newcomer import Cell, Result

TREE = Path(__file__).resolve().parents[3]
SCRIPT = TREE / "ci" / "newcomer.py"


def options(*arguments: str, home: str = "12") -> argparse.Namespace:
    """Return parsed options, as on a host with this Debian release."""
    parsed = newcomer.parser().parse_args(arguments)
    parsed.home = home
    return parsed


def possible() -> str:
    """Return why no chroot can be entered here, or an empty string."""
    try:
        chroots.check()
    except NotPossible as reason:
        return "" if "debootstrap" in str(reason) else str(reason)
    return ""


in_namespaces = pytest.mark.skipif(bool(possible()), reason=possible() or "possible")


def test_matrix() -> None:
    """Without options, the matrix has every Debian, Python, step and pytest exactly once."""
    cells = newcomer.matrix(options())
    assert len(set(cells)) == len(cells)
    assert {(cell.debian, cell.python) for cell in cells} == {
        ("12", ""), ("13", ""), ("testing", ""), ("12", "3.12"),
    }  # fmt: skip
    for debian in ("12", "13"):
        assert {(c.step, c.pytest) for c in cells if (c.debian, c.python) == (debian, "")} == {
            ("run", ""), ("test", ""), ("wheel", "8"), ("wheel", "9"), ("user", ""),
            *([("upgrade", "")] if debian == "13" else []),
        }  # fmt: skip


def test_ci_runs_a_part() -> None:
    """CI runs Debian 13: `make run`, and the wheel with pytest 8 and 9."""
    (line,) = (
        line for line in (TREE / ".ci" / "run").read_text().splitlines() if "newcomer.py" in line
    )
    arguments = line.partition("newcomer.py")[2].partition("||")[0].split()
    assert [cell.name for cell in newcomer.matrix(options(*arguments))] == [
        "13-python-run", "13-python-wheel8", "13-python-wheel9",
    ]  # fmt: skip
    assert options(*arguments).if_possible


def test_interpreters_need_their_own_debian() -> None:
    """An interpreter of the host only runs on the host's Debian release."""
    cells = newcomer.matrix(options("--steps", "run", home="13"))
    assert {cell.debian for cell in cells if cell.python} == {"13"}
    cells = newcomer.matrix(options("--steps", "run", home=""))
    assert not [cell for cell in cells if cell.python]


def test_table() -> None:
    """The table shows the outcome of each cell, and the reason."""
    results = [
        Result(Cell("13", "", "wheel", "9"), "passed", "3.13.5", "80 s"),
        Result(Cell("12", "3.12", "run"), "left out", "3.12", "no Python 3.12."),
    ]
    assert newcomer.table(results) == (
        "Debian  Python  step   pytest\n"
        "13      3.13.5  wheel  9       passed    80 s\n"
        "12      3.12    run            left out  no Python 3.12."
    )


@pytest.mark.parametrize("cell", newcomer.matrix(options()), ids=lambda cell: cell.name)
def test_scripts_are_shell(cell: Cell) -> None:
    """The scripts for a machine are valid bash, and quote their arguments."""
    chosen = options("--suites", "it's two")
    text = newcomer.script(cell, chosen)
    subprocess.run(["bash", "-n", "-c", text], check=True)
    if cell.step in ("run", "user", "upgrade"):
        said = subprocess.run(
            ["bash", "-c", f"cd() {{ :; }}; make() {{ printf '<%s>' \"$@\"; }}; {text}"],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        assert said.endswith("<run><ARGS=it's two>")


PROGRAM = r"""#!/bin/bash
said="$(basename "$0") $*"
echo "$said" >>"$HOME/said"
[[ $said != $FAILS* ]] || exit 100
case $said in
"python3 -m venv .venv") mkdir -p .venv/bin && : >.venv/bin/activate ;;
"espbench doctor"*) echo "apt-get install --no-install-recommends qemu"; exit 1 ;;
esac
"""
"""Fake program: logs its command line, and fails if that begins with `$FAILS`."""
WHEEL_COMMANDS = (
    "apt-get -q update",
    "apt-get -q -y install --no-install-recommends python3-venv",
    "python3 -m venv .venv",
    "pip install -q",
    "apt-get install --no-install-recommends qemu -q -y",
    "pytest --version",
    "pytest --espbench",
)


@pytest.mark.parametrize("fails", ["nothing", *WHEEL_COMMANDS])
def test_wheel_stops_at_the_first_failure(fails: str, tmp_path: Path) -> None:
    """The step `wheel` stops at the first command that fails, and fails with its status."""
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in ("apt-get", "espbench", "pip", "pytest", "python", "python3"):
        (programs / name).write_text(PROGRAM)
        (programs / name).chmod(0o755)
    script = newcomer.script(Cell("13", "", "wheel", "9"), options())
    result = subprocess.run(
        ["bash", "-c", f"set -eu; cd; {script}"],
        env={"HOME": str(tmp_path), "PATH": f"{programs}:{os.environ['PATH']}", "FAILS": fails},
        stdout=subprocess.DEVNULL,
        check=False,
    )
    said = (tmp_path / "said").read_text().splitlines()
    if fails == "nothing":
        assert result.returncode == 0
        ran = [next((line for line in said if line.startswith(c)), "") for c in WHEEL_COMMANDS]
        assert "" not in ran
    else:
        assert result.returncode == 100
        assert [line for line in said if line.startswith(fails)] == [said[-1]]


@pytest.mark.parametrize(("text", "release"), [
    ('VERSION_CODENAME=trixie\nID=debian\n', "13"),
    ('NAME=x\nVERSION_CODENAME="bookworm"', "12"),
    ("ID=fedora\n", ""),
])  # fmt: skip
def test_home(text: str, release: str) -> None:
    """os-release gives the host's Debian release."""
    assert newcomer.home_release(text) == release


@pytest.mark.parametrize("text", [
    "# http://x/debian\ndeb [arch=amd64] http://mirror.example/debian bookworm main\n",
    "deb https://tools.example/apt stable main\n"
    "deb http://mirror.example/debian/ bookworm main\n",
    "Types: deb\n# http://x/debian/2025\nURIs: http://mirror.example/debian\nSuites: bookworm\n",
    "URIs: http://mirror.example/debian-security\nURIs: http://mirror.example/debian",
])  # fmt: skip
def test_mirror(text: str) -> None:
    """The mirror is the one that apt uses, in either format of its source lists."""
    assert chroots.mirror([text]) == "http://mirror.example/debian"


def test_no_mirror() -> None:
    """Without a mirror, the error names the variable to set."""
    with pytest.raises(NotPossible, match="set ESPBENCH_DEBIAN_MIRROR to the URL of one"):
        chroots.mirror(["deb https://tools.example/apt stable main"])


def test_only_what_reaches_packages_is_forwarded() -> None:
    """A machine inherits only the variables for proxies, package indexes and CI."""
    ours = {
        "HTTPS_PROXY": "p", "no_proxy": "n", "PIP_INDEX_URL": "i", "ESPBENCH_WERROR": "1",
        "HOME": "/x", "ESPBENCH_CACHE": "/y", "PIP_FIND_LINKS": "/z", "VIRTUAL_ENV": "/v",
    }  # fmt: skip
    assert set(chroots.forwarded(ours)) == {
        "HTTPS_PROXY", "no_proxy", "PIP_INDEX_URL", "ESPBENCH_WERROR",
    }  # fmt: skip


def test_apt_is_configured_as_here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A machine's apt uses the host's proxies, and an expired mirror if the host does."""
    (tmp_path / "apt.conf").write_text(
        'Acquire::http::Proxy "http://proxy.example:3128";\n'
        'Acquire::Check-Valid-Until "false";\nAPT::Install-Suggests "true";\n'
    )
    (tmp_path / "apt-config").write_text(f"#!/bin/sh\ncat '{tmp_path}/apt.conf'\n")
    (tmp_path / "apt-config").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr(Machine, "command", lambda _self, _script: ["true"])
    root = tmp_path / "root"
    (root / "etc/apt/apt.conf.d").mkdir(parents=True)
    chroots.configure(root, tmp_path)
    assert (root / "etc/apt/apt.conf.d/90newcomer").read_text() == (
        'Acquire::http::Proxy "http://proxy.example:3128";\n'
        'Acquire::Check-Valid-Until "false";\nAPT::Keep-Downloaded-Packages "true";\n'
    )


def test_no_chroots(tmp_path: Path) -> None:
    """If chroots are impossible, one sentence says why; only --if-possible accepts that."""
    for arguments, status in (([], 2), (["--if-possible"], 0)):
        result = subprocess.run(
            [sys.executable, SCRIPT, "--work", str(tmp_path), *arguments],
            env={"PATH": str(tmp_path)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert result.returncode == status
        assert result.stderr.startswith("newcomer: fresh Debians were left out: ")
        assert result.stderr.count("\n") == 1


def test_no_interpreter(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A missing Python version gives a sentence that says how to install it."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(
        NotPossible,
        match=r"no Python 3\.12 .* is on PATH or in pyenv: run pyenv install 3\.12$",
    ):
        newcomer.interpreter("3.12")


@in_namespaces
def test_a_machine(tmp_path: Path) -> None:
    """A command has its own namespaces, the shared folder and a clean environment."""
    (tmp_path / "shared").mkdir()
    (tmp_path / "seen").mkdir()
    machine = Machine(Path("/"), {str(tmp_path / "seen"): tmp_path / "shared"}, {"MINE": "1"})
    names = [Path("/proc/self/ns", name) for name in ("pid", "mnt")]
    script = f"env; readlink {names[0]} {names[1]}; touch {tmp_path}/seen/made; exit 7"
    log = tmp_path / "log"
    assert chroots.run(machine.command(script), log, 60) == 7
    words = log.read_text().split()
    assert {"MINE=1", "HOME=/root"} < set(words)
    assert not [word for word in words if word.startswith("PYTEST")]
    spaces = [word for word in words if word.startswith(("pid:", "mnt:"))]
    assert len(spaces) == 2
    assert not {str(name.readlink()) for name in names} & {*spaces}
    assert (tmp_path / "shared" / "made").exists()
    assert not (tmp_path / "seen" / "made").exists()


@in_namespaces
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_nothing_stays(number: signal.Signals, tmp_path: Path) -> None:
    """However it is stopped, no process of the machine and no mount is left."""
    sleep = f"600.{os.getpid()}{number:d}"
    mark = tmp_path / "up"
    code = (
        "import signal; from pathlib import Path; import chroots, newcomer\n"
        "signal.signal(signal.SIGTERM, newcomer._stop)\n"
        f"machine = chroots.Machine(Path('/'), {{'{tmp_path}/b': Path('{tmp_path}/a')}})\n"
        f"command = machine.command('setsid sleep {sleep} & touch {mark}; sleep {sleep}')\n"
        f"chroots.run(command, Path('{tmp_path}/log'), 600)\n"
    )
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=TREE / "ci",
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    _wait_until(mark.exists)
    assert _running(sleep)
    process.send_signal(number)
    process.wait(30)
    _wait_until(lambda: not _running(sleep))
    assert str(tmp_path) not in Path("/proc/self/mountinfo").read_text()


def _running(word: str) -> list[str]:
    """Return the command lines that contain this word."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_text()
        except OSError:
            continue  # it has just ended
        if word in words:
            found.append(words)
    return found


def _wait_until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)
