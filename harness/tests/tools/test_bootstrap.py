# SPDX-License-Identifier: MIT
"""Set-up: it finds and reports missing packages, and creates or repairs the environment."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import debian
import environment
import install
import lint
import pytest
from debian import Machine, Package
from problem import Problem

TREE = Path(__file__).resolve().parents[3]
NOTHING = Machine(lambda _: False, lambda _: False, lambda _: False)
EVERYTHING = Machine(lambda _: True, lambda _: True, lambda _: True)


def names(packages: list[Package]) -> list[str]:
    """Return the packages' names."""
    return [package.name for package in packages]


def test_nothing_missing() -> None:
    """On a machine that has everything, no purpose lacks a package."""
    for purpose in debian.PURPOSES:
        assert debian.missing(purpose, EVERYTHING) == []


def test_each_purpose_asks_only_for_its_own() -> None:
    """`make run` needs no host compiler, and `make lint` no emulator."""
    assert names(debian.missing("run", NOTHING)) == [
        "make",
        "python3-venv",
        "qemu-system-misc",
        "gcc-xtensa-lx106",
        "binutils-xtensa-lx106",
        "picolibc-xtensa-lx106-elf",
        "util-linux",
    ]
    assert names(debian.missing("lint", NOTHING)) == ["make", "python3-venv"]
    assert {"gcc", "libc6-dev", "openssl"} <= set(names(debian.missing("test", NOTHING)))


def test_exactly_the_missing_ones() -> None:
    """The command installs the missing packages and nothing else."""
    machine = Machine(lambda name: name != "qemu-system-xtensa", lambda _: False, lambda _: True)
    absent = debian.missing("run", machine)
    assert debian.install_line(absent) == (
        "apt-get install --no-install-recommends qemu-system-misc picolibc-xtensa-lx106-elf"
    )


def test_not_root(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without root privileges nothing is installed, and the error has the command to run."""
    package = Package("some-package", programs=("no-such-program",), purposes=("run",))
    other = Package("compiler", programs=("no-such-compiler",), purposes=("test", "lint"))
    browser = Package("browser", programs=("b",), purposes=("test",), optional="pages are skipped")
    monkeypatch.setattr(debian, "missing", lambda _purpose: [package])
    monkeypatch.setattr(debian, "missing_for_any", lambda: [package, other, browser])
    monkeypatch.setattr(debian, "is_root", lambda: False)
    monkeypatch.setattr("shutil.which", lambda _name: "/usr/bin/apt-get")
    with pytest.raises(Problem) as error:
        debian.ensure("run")
    assert str(error.value) == (
        "some Debian packages are missing. Run this line as root, then run make again (it covers "
        "make run, make test and make lint):\n"
        "apt-get install --no-install-recommends some-package compiler\n"
        "Optionally add browser: without it pages are skipped."
    )


def test_root_is_asked_once() -> None:
    """One command installs the missing packages of all purposes, in order and once."""
    machine = Machine(lambda name: name != "openssl", lambda _: True, lambda name: name != "venv")
    assert names(debian.missing_for_any(machine)) == ["python3-venv", "openssl"]
    everything = names(debian.missing_for_any(NOTHING))
    assert len(set(everything)) == len(everything)
    for purpose in debian.PURPOSES:
        assert set(names(debian.missing(purpose, NOTHING))) <= set(everything)


def test_readme_has_the_line_of_set_up() -> None:
    """README has the same command as set-up, without recommended packages."""
    said = subprocess.run(
        [sys.executable, "tools/bootstrap/debian.py", "--all"],
        cwd=TREE,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    readme = (TREE / "README.md").read_text(encoding="utf-8").replace("\\\n    ", "")
    assert f"sudo {said}" in readme


@pytest.mark.parametrize("root", [True, False])
def test_an_optional_package_stops_nobody(monkeypatch: pytest.MonkeyPatch, root: bool) -> None:
    """Root tries once to install it; others are not asked, and a failure is not an error."""
    package = Package("some-browser", programs=("some-browser",), optional="pages are skipped")
    tried: list[str] = []

    def install(names: list[str]) -> None:
        tried.extend(names)
        raise Problem("apt-get could not.")

    monkeypatch.setattr(debian, "missing", lambda _purpose: [package])
    monkeypatch.setattr(debian, "is_root", lambda: root)
    monkeypatch.setattr(debian, "install", install)
    monkeypatch.setattr("shutil.which", lambda _name: "/usr/bin/apt-get")
    debian.ensure("test")
    assert tried == (["some-browser"] if root else [])


def test_no_apt(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a system without apt, the error names the missing programs and files."""
    package = Package("some-package", programs=("some-program",), files=("/some/file",))
    monkeypatch.setattr(debian, "missing", lambda _purpose: [package])
    monkeypatch.setattr("shutil.which", lambda _name: None)
    with pytest.raises(Problem) as error:
        debian.ensure("run")
    assert str(error.value) == (
        "apt-get was not found, so these have to be installed by other means: some-program, "
        "/some/file (on Debian: apt-get install --no-install-recommends some-package)"
    )


def test_python_without_venv(monkeypatch: pytest.MonkeyPatch) -> None:
    """apt cannot add venv to a custom Python, and the error says so."""
    package = Package("python3-venv", modules=("venv", "ensurepip"))
    monkeypatch.setattr(debian, "missing", lambda _purpose: [package])
    monkeypatch.setattr(sys, "executable", "/opt/odd/python3")
    with pytest.raises(Problem) as error:
        debian.ensure("run")
    assert str(error.value) == (
        "this Python (/opt/odd/python3) has no venv or ensurepip module: install a complete "
        "Python, or use the system's, as in: make run PYTHON=/usr/bin/python3"
    )


@pytest.mark.parametrize(("lists", "statuses", "calls"), [
    (True, [0], ["install"]),
    (False, [0, 0], ["update", "install"]),
    (True, [100, 0, 0], ["install", "update", "install"]),
])  # fmt: skip
def test_lists_are_updated_when_needed(
    monkeypatch: pytest.MonkeyPatch, lists: bool, statuses: list[int], calls: list[str]
) -> None:
    """apt's package lists are updated if there are none or they are outdated."""
    made: list[str] = []

    def apt(action: str, *_names: str) -> int:
        made.append(action)
        return statuses[len(made) - 1]

    monkeypatch.setattr(debian, "_apt", apt)
    monkeypatch.setattr(debian, "has_lists", lambda: lists)
    debian.install(["thing"])
    assert made == calls


def test_apt_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """If apt-get fails, the error says what to fix."""
    monkeypatch.setattr(debian, "_apt", lambda *_arguments: 100)
    with pytest.raises(Problem) as error:
        debian.install(["thing", "other"])
    assert str(error.value) == (
        "apt-get could not install thing other: its errors are above. Fix the cause (network, "
        "disk, sources.list), then run make again."
    )


def make_tree(tmp_path: Path) -> Path:
    """Return a tree with a lock file and a project file."""
    (tmp_path / "requirements.lock").write_text("a==1\n")
    (tmp_path / "pyproject.toml").write_text("[project]\n")
    return tmp_path


def make_environment(tree: Path) -> Path:
    """Create an environment that looks complete, and return its folder."""
    folder = tree / ".venv"
    (folder / "bin").mkdir(parents=True)
    (folder / "bin" / "python").symlink_to(sys.executable)
    stamp = f"{environment.locked_stamp(tree)}\n{environment.project_stamp(tree)}\n"
    (folder / environment.STAMP).write_text(stamp)
    return folder


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return a list that records the steps of set-up instead of running them."""
    made: list[str] = []
    monkeypatch.setattr(environment, "_make", lambda *_arguments: made.append("make"))
    monkeypatch.setattr(install, "install", lambda *_arguments: made.append("install"))
    monkeypatch.setattr(environment, "_write_stamp", lambda *_arguments: made.append("stamp"))
    return made


def test_second_run_does_nothing(tmp_path: Path, steps: list[str]) -> None:
    """An up-to-date environment is left alone."""
    tree = make_tree(tmp_path)
    make_environment(tree)
    assert environment.ensure(tree) == tree / ".venv" / "bin"
    assert steps == []


def test_half_made_environment(tmp_path: Path, steps: list[str]) -> None:
    """An environment without a stamp is incomplete, and is rebuilt."""
    tree = make_tree(tmp_path)
    (make_environment(tree) / environment.STAMP).unlink()
    environment.ensure(tree)
    assert steps == ["make", "install", "stamp"]


def test_changed_lock(tmp_path: Path, steps: list[str]) -> None:
    """The environment is rebuilt if the locked packages change."""
    tree = make_tree(tmp_path)
    make_environment(tree)
    (tree / "requirements.lock").write_text("a==2\n")
    environment.ensure(tree)
    assert steps == ["make", "install", "stamp"]


def test_the_folder_of_an_environment_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is emptied, not removed, because it may be a mount point: a volume of a container."""
    tree = make_tree(tmp_path)
    folder = make_environment(tree)
    (folder / "lib" / "old").mkdir(parents=True)
    monkeypatch.setattr(install, "add_uv", lambda *_arguments: None)
    monkeypatch.setattr(install, "install", lambda *_arguments: None)
    (folder / environment.STAMP).unlink()
    before = folder.stat().st_ino
    environment.ensure(tree)
    assert folder.stat().st_ino == before
    assert not (folder / "lib" / "old").exists()
    assert (folder / "bin" / "python").exists()


def test_changed_project(tmp_path: Path, steps: list[str]) -> None:
    """If the project file changes, only the harness is reinstalled."""
    tree = make_tree(tmp_path)
    make_environment(tree)
    (tree / "pyproject.toml").write_text("[project]\nname = 'x'\n")
    environment.ensure(tree)
    assert steps == ["install", "stamp"]


@pytest.mark.parametrize(("path", "mark"), [
    ("/home/me/a:b", "a colon"),
    ("/home/me/a\nb", "a line break"),
    ("/home/me/for $5", "both a space and $"),
    ('/home/me/my "own"', 'both a space and "'),
])  # fmt: skip
def test_path_that_no_environment_can_have(path: str, mark: str, steps: list[str]) -> None:
    """A clone at a path that breaks the environment is rejected before anything is created."""
    with pytest.raises(Problem) as error:
        environment.ensure(Path(path))
    assert str(error.value) == (
        f"the path of this clone, {path!r}, contains {mark}, so the programs of a virtual "
        "environment would not start: move the clone to another folder, then run make again."
    )
    assert steps == []


@pytest.mark.parametrize("path", ["/home/me/a b", "/home/me/$5", "/home/é/it's #1 (new)"])
def test_path_that_an_environment_can_have(path: str) -> None:
    """Spaces and most special characters are allowed in the path."""
    assert environment.path_problem(path) == ""


def test_python_that_went_away(tmp_path: Path, steps: list[str]) -> None:
    """An environment whose Python was removed from the system is rebuilt."""
    tree = make_tree(tmp_path)
    python = make_environment(tree) / "bin" / "python"
    python.unlink()
    python.symlink_to("/no/such/python")
    environment.ensure(tree)
    assert steps[0] == "make"


def test_upgraded_python(tmp_path: Path, steps: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment of another Python version is rebuilt: its packages would not be found."""
    tree = make_tree(tmp_path)
    make_environment(tree)
    monkeypatch.setattr(environment, "python_abi", lambda: "cpython-399-x86_64-linux-gnu")
    environment.ensure(tree)
    assert steps == ["make", "install", "stamp"]


def test_from_inside_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With `.venv` active, set-up runs on its Python and can still rebuild it."""
    monkeypatch.setattr(install, "install", lambda *_arguments: None)
    tree = make_tree(tmp_path)
    program = environment.ensure(tree) / "python"
    (tree / "requirements.lock").write_text("a==2\n")
    code = (
        "import sys; from pathlib import Path; sys.path.insert(0, sys.argv[1])\n"
        "import environment, install; install.install = lambda *_arguments: None\n"
        "environment.ensure(Path(sys.argv[2]))"
    )
    subprocess.run([program, "-c", code, TREE / "tools" / "bootstrap", tree], check=True)
    assert program.exists()
    assert environment.read_stamp(tree / ".venv")[0] == environment.locked_stamp(tree)


@pytest.mark.parametrize(("stderr", "sentence"), [
    (
        "ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.",
        "a package differs from the one in requirements.lock. Run make again; if that does not "
        "help, something between you and the package index alters files (ERROR: THESE PACKAGES DO "
        "NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.).",
    ),
    (
        "ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device",
        "the disk is full. Free some space (about 300 MB), then run make again.",
    ),
    (
        "WARNING: Retrying\nERROR: No matching distribution found for rich",
        "the package index did not answer, or lacks a package. Check the network, the proxy and "
        "pip's configuration, then run make again (ERROR: No matching distribution found for "
        "rich).",
    ),
    ("", "pip gave no reason. Fix the cause, then run make again."),
])  # fmt: skip
def test_pip_errors(stderr: str, sentence: str) -> None:
    """pip's errors become a sentence that says what to do."""
    assert install.explain(stderr) == sentence


def test_locked_uv() -> None:
    """The lock has one entry for uv, which ends at the next package."""
    lock = (TREE / "requirements.lock").read_text()
    line = install.locked_uv(lock)
    assert line.startswith("uv==")
    assert line.count("==") == 1
    assert "--hash=sha256:" in line
    assert lock.count(line) == 1
    after = f"a==1\n{line}wsproto==1\n"
    assert install.locked_uv(after) == line
    assert install.locked_uv("a==1\nuvloop==1\n") == ""


def test_what_uv_learns_from_pip() -> None:
    """uv gets pip's configuration: environment before files, `install` before `global`."""
    config = (
        ":env:.find-links='/wheels /more'\n"
        ":env:.cert='/c.pem'\n"
        "download.cert='/d.pem'\n"
        "global.cert='/a.pem'\n"
        "global.index-url='https://user:a=b@one/simple'\n"
        "global.timeout='60'\n"
        "install.index-url='https://two/simple'\n"
    )
    assert install.uv_variables(config) == {
        "UV_DEFAULT_INDEX": "https://two/simple",
        "UV_FIND_LINKS": "/wheels,/more",
        "SSL_CERT_FILE": "/c.pem",
    }
    assert install.uv_variables("") == {}


@pytest.fixture
def programs(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that creates fake programs of an environment, which log their calls.

    Each has an exit status; `None` omits the program.
    """

    def make(*, uv: int | None, pip: int) -> Path:
        (tmp_path / "bin").mkdir()
        for name, status in (("uv", uv), ("python", pip)):
            if status is not None:
                program = tmp_path / "bin" / name
                program.write_text(
                    f'#!/bin/sh\n[ "$4" = config ] || echo "{name} $*" >> {tmp_path}/calls\n'
                    f"[ {status} = 0 ] || echo 'ERROR: no reason' >&2\nexit {status}\n"
                )
                program.chmod(0o755)
        return tmp_path

    return make


@pytest.mark.parametrize(("uv", "installer"), [(0, ["uv"]), (2, ["uv", "pip"]), (None, ["pip"])])
def test_uv_or_pip(
    uv: int | None,
    installer: list[str],
    programs: Callable[..., Path],
    capsys: pytest.CaptureFixture[str],
) -> None:
    """uv installs the packages; pip does if uv is missing or fails."""
    folder = programs(uv=uv, pip=0)
    install.install(folder, ["-r", "x.lock"], "it failed")
    calls = {
        "uv": f"uv pip install --python={folder}/bin/python -r x.lock",
        "pip": "python -m pip --disable-pip-version-check --quiet install -r x.lock",
    }
    assert (folder / "calls").read_text().splitlines() == [calls[name] for name in installer]
    said = "espbench: uv failed, so pip is used, which takes longer\n"
    assert capsys.readouterr().out == (said if len(installer) == 2 else "")


def test_neither_uv_nor_pip(programs: Callable[..., Path]) -> None:
    """If both fail, the error has pip's message, not uv's."""
    folder = programs(uv=2, pip=1)
    with pytest.raises(Problem) as error:
        install.install(folder, [], "it failed")
    assert str(error.value) == "it failed: ERROR: no reason. Fix the cause, then run make again."


def test_old_python() -> None:
    """An old Python gives a clear error: it can parse the entry file."""
    code = (
        "import sys, runpy; sys.version_info = (3, 7, 3, 'final', 0); "
        "sys.argv = ['bootstrap.py', 'run']; sys.executable = '/usr/bin/python3'; "
        "runpy.run_path('tools/bootstrap/__main__.py', run_name='__main__')"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=TREE, capture_output=True, text=True, check=False
    )
    assert result.returncode == 1
    assert result.stderr == (
        "espbench: needs Python 3.11 or newer, but /usr/bin/python3 is 3.7: install a newer one "
        "and pass it, as in: make run PYTHON=python3.12\n"
    )


def test_lock_has_hashes_and_names_no_index() -> None:
    """Every locked package has a hash, and no line names a package index."""
    text = (TREE / "requirements.lock").read_text()
    blocks = text.replace("\\\n", " ").splitlines()
    assert len(blocks) > 20
    for block in blocks:
        assert "==" in block, block
        assert "--hash=sha256:" in block, block
    assert "://" not in text
    assert "index" not in text


@pytest.mark.parametrize("fix", [False, True])
def test_lint_runs_what_the_lock_names(fix: bool) -> None:
    """Each lint program is the one of the environment, and pinned in the lock."""
    for command in lint.commands(TREE, fix=fix):
        program = Path(command[0])
        assert program.parent == Path(sys.executable).parent
        name = command[2] if program == Path(sys.executable) else program.name
        name = {"lint-imports": "import-linter"}.get(name, name)
        assert f"\n{name}==" in (TREE / "requirements.lock").read_text()


def test_lint_looks_at_our_c_only(tmp_path: Path) -> None:
    """clang-format gets the C files of firmware and harness, sorted."""
    (tmp_path / "firmware" / "b").mkdir(parents=True)
    (tmp_path / "firmware" / "b" / "x.c").touch()
    (tmp_path / "firmware" / "a.h").touch()
    (tmp_path / "harness").mkdir()
    (tmp_path / "harness" / "c.c").touch()
    (tmp_path / "other.c").touch()
    assert lint.c_files(tmp_path) == ["firmware/a.h", "firmware/b/x.c", "harness/c.c"]
