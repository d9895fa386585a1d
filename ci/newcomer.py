# SPDX-License-Identifier: MIT
"""Run a newcomer's commands on fresh Debians in chroots, and report which fail.

    python3 ci/newcomer.py                                  # everything that this machine can run
    python3 ci/newcomer.py --debian 13 --steps run wheel    # a part
    python3 ci/newcomer.py --list                           # list the parts

Each machine gets a clone of HEAD and, in a fresh home, runs README's commands: `make run` and
`make test` as root, `make run` as an ordinary user, and `pip install` and `pytest --espbench` in an
empty project with its environment inside. Standard library only; needs root and debootstrap.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

import chroots
from chroots import Machine, NotPossible

TREE = Path(__file__).resolve().parent.parent
SUITES = {"12": "bookworm", "13": "trixie", "testing": "testing"}
"""They have Python 3.11 (Debian 12), 3.13 (13) and 3.14 (testing, November 2026)."""
EXTRA_PYTHONS = ("3.12",)
"""Versions that none of them has: an interpreter of this machine, in a chroot of its Debian."""
STEPS = ("run", "test", "wheel", "user", "upgrade")
INTERPRETER = "/opt/interpreter"
LAST_LINES = 15

WHEEL = """
apt-get -q update
apt-get -q -y install --no-install-recommends python3-venv
mkdir -p ~/project-{pytest}
cd ~/project-{pytest}
{python} -m venv .venv
. .venv/bin/activate
pip install -q ~/espbench 'pytest=={pytest}.*'
espbench doctor --board lx60 >doctor.txt || eval "$(grep -o 'apt-get install .*' doctor.txt) -q -y"
echo 'build/' >.gitignore
count() {{
    python -c "
import sys, xml.etree.ElementTree as tree
cases = list(tree.parse('result.xml').iter('testcase'))
ran = [case for case in cases if case.find('skipped') is None]
suites = [case for case in ran if 'test_own' not in case.get('classname', '')]
sys.exit(not suites or len(ran) - len(suites) != $1)" && return
    echo "newcomer: no suite of espbench ran, or not the $1 tests of the project"
    exit 1
}}
pytest --version
pytest --espbench --junitxml=result.xml
count 0
echo 'def test_own(): pass' >test_own.py
pytest --espbench --junitxml=result.xml
count 1
"""
"""Check that espbench's suites run in an empty project, and with the test of a project, too.

One command per line, because `set -e` ignores failures on the left of `&&`.
"""

USER_LINE = """
apt-get -q update
line=$(python3 /home/{user}/espbench/tools/bootstrap/debian.py --all)
echo "$line"
$line -q -y
chown -R {uid}:{uid} /home/{user}
"""


@dataclass(frozen=True)
class Cell:
    """One step of a newcomer on one machine.

    Attributes:
        debian: a key of `SUITES`.
        python: a version of this machine's such as "3.12"; empty for the Debian's own.
        step: one of `STEPS`.
        pytest: pytest's major version, for the step `wheel`.
    """

    debian: str
    python: str
    step: str
    pytest: str = ""

    @property
    def machine(self) -> str:
        """The machine's name; cells with the same one run on it in sequence."""
        own = f"-{self.step}" if self.step in ("user", "upgrade") else ""
        return f"{self.debian}-python{self.python or ''}{own}"

    @property
    def name(self) -> str:
        """The cell's name."""
        return f"{self.machine}-{self.step}{self.pytest}"


@dataclass(frozen=True)
class Result:
    """How a cell ended.

    Attributes:
        cell: the cell.
        verdict: passed, failed or left out.
        python: the version that ran.
        detail: why it was left out, where it failed, or how long it took.
    """

    cell: Cell
    verdict: str
    python: str
    detail: str


def matrix(options: argparse.Namespace) -> list[Cell]:
    """Return the cells that the options select, grouped by machine; pure."""
    machines = [(debian, "") for debian in options.debian if options.system_python]
    if options.home in options.debian:
        machines += [(options.home, python) for python in options.python]
    cells = []
    for debian, python in machines:
        for step in options.steps:
            if step == "wheel":
                cells += [Cell(debian, python, step, pytest) for pytest in options.pytest]
            elif python and step in ("user", "upgrade"):
                continue  # the system's Python does these
            elif step != "upgrade" or debian == "13":
                cells.append(Cell(debian, python, step))
    return cells


def table(results: Iterable[Result]) -> str:
    """Return the results as a table; pure."""
    rows = [("Debian", "Python", "step", "pytest", "", "")]
    rows += [
        (r.cell.debian, r.python, r.cell.step, r.cell.pytest, r.verdict, r.detail) for r in results
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(5)]
    lines = ["  ".join([*map(str.ljust, row, widths), row[-1]]).rstrip() for row in rows]
    return "\n".join(lines)


def script(cell: Cell, options: argparse.Namespace) -> str:
    """Return the commands of a newcomer; pure."""
    python = f"{INTERPRETER}/bin/python{cell.python}" if cell.python else "python3"
    make = f"cd espbench && make PYTHON={python}"
    if cell.step == "test":
        return f"{make} test ARGS={shell(options.tests)}"
    if cell.step == "wheel":
        return WHEEL.format(pytest=cell.pytest, python=python)
    return f"{make} run ARGS={shell(options.suites)}"


def shell(text: str) -> str:
    """Quote a word for the shell; pure."""
    quoted = text.replace("'", "'\\''")
    return f"'{quoted}'"


class Newcomer:
    """Creates machines in a folder, and runs cells on them."""

    def __init__(self, options: argparse.Namespace) -> None:
        """Take the folder and the limits from the options."""
        self._options = options
        self._work = Path(options.work).absolute()
        self._bases: dict[str, str] = {}
        (self._work / "logs").mkdir(parents=True, exist_ok=True)

    def cells(self, cells: Sequence[Cell]) -> Iterator[Result]:
        """Run cells, one machine at a time; remove each machine after its last cell."""
        for name in dict.fromkeys(cell.machine for cell in cells):
            of_it = [cell for cell in cells if cell.machine == name]
            root = self._work / name
            try:
                machine = self._machine(of_it[0], root)
            except NotPossible as reason:
                yield from (Result(cell, "left out", cell.python, str(reason)) for cell in of_it)
                continue
            try:
                python = of_it[0].python or self._version(machine)
                for cell in of_it:
                    yield self._cell(cell, machine, python)
            finally:
                if not self._options.keep:
                    shutil.rmtree(root, ignore_errors=True)

    def _base(self, debian: str) -> Path:
        suite = SUITES[debian]
        folder = self._work / f"base-{suite}"
        if suite in self._bases:
            raise NotPossible(self._bases[suite])
        if not folder.exists():
            print(f"newcomer: creating Debian {debian}", flush=True)
            log = self._work / "logs" / f"base-{suite}.log"
            try:
                chroots.bootstrap(
                    suite, folder, self._cache("deb", debian), log, self._options.limit
                )
            except NotPossible as reason:
                self._bases[suite] = str(reason)
                raise
        return folder

    def _cache(self, *names: str) -> Path:
        folder = self._work.joinpath("cache", *names)
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def _machine(self, cell: Cell, root: Path) -> Machine:
        shared = {"/var/cache/apt/archives": self._cache("deb", cell.debian)}
        if cell.python:
            shared[INTERPRETER] = interpreter(cell.python)
        base = self._base(cell.debian)
        shutil.rmtree(root, ignore_errors=True)
        subprocess.run(["cp", "-a", "--reflink=auto", str(base), str(root)], check=True)
        variables = chroots.forwarded(os.environ)
        if cell.step != "user":  # an ordinary user starts with empty caches
            shared["/shared/espbench"] = self._cache("espbench", cell.debian)
            shared["/shared/pip"] = self._cache("pip")
            variables |= {"ESPBENCH_CACHE": "/shared/espbench", "PIP_CACHE_DIR": "/shared/pip"}
        home = root / (f"home/{chroots.USER}" if cell.step == "user" else "root")
        subprocess.run(
            ["git", "clone", "--quiet", "--no-hardlinks", str(TREE), str(home / "espbench")],
            check=True,
        )
        return Machine(root, shared, variables)

    def _version(self, machine: Machine) -> str:
        command = machine.command("python3 -c 'import platform; print(platform.python_version())'")
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    def _cell(self, cell: Cell, machine: Machine, python: str) -> Result:
        log = self._work / "logs" / f"{cell.name}.log"
        log.unlink(missing_ok=True)
        print(f"newcomer: {cell.name}", flush=True)
        start = time.monotonic()
        limit = self._options.limit
        status = 0
        if cell.step == "user":
            line = USER_LINE.format(user=chroots.USER, uid=chroots.USER_ID)
            status = chroots.run(machine.command(line), log, limit)
        elif cell.step == "upgrade":
            try:
                status = self._older_environment(machine, log)
            except NotPossible as reason:
                return Result(cell, "left out", python, str(reason))
        command = machine.command(script(cell, self._options), user=cell.step == "user")
        status = status or chroots.run(command, log, limit)
        took = f"{time.monotonic() - start:.0f} s"
        if status == 0:
            return Result(cell, "passed", python, took)
        lines = log.read_text(errors="replace").splitlines()[-LAST_LINES:]
        print("\n".join(f"    {line}" for line in lines), flush=True)
        return Result(cell, "failed", python, f"after {took}, see {log}")

    def _older_environment(self, machine: Machine, log: Path) -> int:
        """Replace the clone by one in which `make setup` ran on Debian 12, as before an upgrade."""
        older = self._machine(Cell("12", "", "upgrade"), self._work / "12-before-the-upgrade")
        try:
            status = chroots.run(
                older.command("cd espbench && make setup"), log, self._options.limit
            )
            clone = machine.root / "root/espbench"
            shutil.rmtree(clone)
            shutil.copytree(older.root / "root/espbench", clone, symlinks=True)
        finally:
            shutil.rmtree(older.root, ignore_errors=True)
        return status


def interpreter(version: str) -> Path:
    """Return the folder of a relocatable Python of this machine.

    Raises:
        NotPossible: there is none.
    """
    question = "import sys; print(sys.base_prefix, '%d.%d' % sys.version_info[:2])"
    folders = os.environ.get("PATH", "").split(os.pathsep)
    # A pyenv shim would start the version selected for the current folder, if any.
    folders += map(str, Path.home().glob(f".pyenv/versions/{version}.*/bin"))
    for folder in folders:
        program = Path(folder, f"python{version}")
        if not os.access(program, os.X_OK):
            continue
        probe = subprocess.run(
            [program, "-c", question], capture_output=True, text=True, check=False
        )
        prefix, _, found = probe.stdout.strip().rpartition(" ")
        if found == version and prefix and prefix != "/usr":
            return Path(prefix)
    raise NotPossible(
        f"no Python {version} outside of /usr is on PATH or in pyenv: run pyenv install {version}"
    )


def home_release(text: str) -> str:
    """Return this machine's Debian from os-release(5), or "" if it is not in `SUITES`; pure."""
    found = re.search(r'(?m)^VERSION_CODENAME="?(\w+)', text)
    return next((key for key, suite in SUITES.items() if found and suite == found[1]), "")


def parser() -> argparse.ArgumentParser:
    """Return the command line's parser."""
    result = argparse.ArgumentParser(
        prog="newcomer", description="Run a newcomer's commands on fresh Debians in chroots."
    )
    add = result.add_argument
    add("--debian", nargs="+", choices=SUITES, default=list(SUITES), help="default: all")
    add(
        "--python",
        nargs="*",
        default=list(EXTRA_PYTHONS),
        metavar="X.Y",
        help="this machine's interpreters to try in addition to each Debian's own "
        f"(default: {' '.join(EXTRA_PYTHONS)})",
    )
    add(
        "--no-system-python",
        dest="system_python",
        action="store_false",
        help="skip each Debian's own Python",
    )
    add("--steps", nargs="+", choices=STEPS, default=list(STEPS), help="default: all")
    add("--pytest", nargs="+", choices=("8", "9"), default=["8", "9"], help="for the step wheel")
    add("--suites", default="smoke dual", help="arguments of make run (default: smoke dual)")
    add(
        "--tests",
        default="harness/tests/tools/test_bootstrap.py harness/tests/firmware/test_build.py",
        help="arguments of make test; empty for all tests (default: set-up's and the build's)",
    )
    add("--work", default=TREE / "build" / "newcomer", help="default: build/newcomer")
    add(
        "--limit", type=float, default=3600, metavar="SECONDS", help="for each step (default: 3600)"
    )
    add("--keep", action="store_true", help="keep the machines for inspection")
    add("--fresh", action="store_true", help="first delete what earlier runs left in --work")
    add("--list", action="store_true", help="only list the cells")
    add(
        "--if-possible",
        action="store_true",
        help="if chroots cannot be created, say so and exit with 0",
    )
    return result


def main(arguments: Sequence[str]) -> int:
    """Run the cells; return an exit status."""
    options = parser().parse_args(arguments)
    release = Path("/etc/os-release")
    options.home = home_release(release.read_text() if release.exists() else "")
    cells = matrix(options)
    if options.list:
        print("\n".join(cell.name for cell in cells))
        return 0
    signal.signal(signal.SIGTERM, _stop)
    try:
        chroots.check()
        chroots.mirror_here()
    except NotPossible as reason:
        print(f"newcomer: fresh Debians were left out: {reason}", file=sys.stderr)
        return 0 if options.if_possible else 2
    if options.fresh:
        shutil.rmtree(options.work, ignore_errors=True)
    results: list[Result] = []
    with contextlib.suppress(KeyboardInterrupt):
        for result in Newcomer(options).cells(cells):
            print(f"newcomer: {result.cell.name} {result.verdict}: {result.detail}", flush=True)
            results.append(result)
    done = {result.cell for result in results}
    stopped = [
        Result(cell, "left out", cell.python, "stopped") for cell in cells if cell not in done
    ]
    print(f"\n{table([*results, *stopped])}")
    if stopped:
        return 130
    return int(any(result.verdict == "failed" for result in results))


def _stop(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
