# SPDX-License-Identifier: MIT
"""`espbench setup` runs Espressif's installers; each failure is one sentence, a rerun goes on.

No network is needed: a local repository stands in for ESP-IDF.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from espbench.boards.builtin import BOARDS, ESP32
from espbench.cli.main import main
from espbench.doctor import doctor
from espbench.firmware.build import builder_of
from espbench.firmware.idf_env import activated
from espbench.qemu import discovery
from espbench.qemu.discovery import find_qemu
from espbench.qemu.start_failure import LIBRARIES
from espbench.setup import install, plan, requirements
from espbench.util import idf_tools
from espressif_mirror import QEMU, mirror, programs
from fake_idf import fake_idf, script

FULL = "espbench setup --board esp32"
ONLY = f"{FULL} --qemu-only"


class Host:
    """A machine without Espressif's tools, and a mirror of ESP-IDF."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.tools = folder / "home" / ".local" / "share" / "espbench" / "espressif"
        self.idf = self.tools / "esp-idf-v5.5.5"
        self.url = mirror(folder / "mirror")
        for step in ("git", "install", "tools"):
            self.lets(step, "works")

    def lets(self, step: str, mode: str) -> None:
        """Let a step fail in a way, or work."""
        (self.folder / step).write_text(mode)

    @property
    def log(self) -> list[str]:
        """What Espressif's installers were called with."""
        path = self.folder / "log"
        return path.read_text().splitlines() if path.exists() else []

    @property
    def git_log(self) -> str:
        """What git was called with."""
        return (self.folder / "git-log").read_text()


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    """Return such a machine."""
    made = Host(tmp_path)
    for name in ("IDF_PATH", "IDF_TOOLS_PATH", "IDF_PYTHON_ENV_PATH", "XDG_DATA_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("STAND_IN", str(tmp_path))
    virtual = tmp_path / "venv"
    monkeypatch.setenv("VIRTUAL_ENV", str(virtual))
    path = f"{virtual}/bin:{programs(tmp_path / 'bin')}:/usr/bin:/bin"
    monkeypatch.setenv("PATH", path)
    monkeypatch.setenv(plan.URL_VARIABLE, str(made.url))
    # git refuses submodules from local repositories unless it is told so.
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "protocol.file.allow")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", "always")
    monkeypatch.setattr(idf_tools, "USUAL_PLACES", ("~/esp/esp-idf",))
    monkeypatch.setattr(requirements, "lacking_libraries", list)
    return made


Said = Callable[..., tuple[int, str]]


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str]) -> Said:
    """Return a function that runs `espbench setup` and returns its status and last line."""

    def run(*options: str) -> tuple[int, str]:
        status = main(["setup", "--board", "esp32", "--yes", *options])
        output = capsys.readouterr()
        lines = (output.err if status else output.out).strip().splitlines()
        return status, lines[-1]

    return run


def test_all(host: Host, said: Said) -> None:
    """One command installs ESP-IDF and QEMU, and all commands find them without variables."""
    qemu = host.tools / QEMU
    ready = f"{qemu} boots it, and {host.idf} builds its firmware."
    assert said() == (0, f"Board esp32 is set up: {ready}")
    assert host.log == [
        f"install.sh esp32 in {host.tools} as no environment",
        f"idf_tools.py install qemu-xtensa in {host.tools}",
    ]
    assert (host.idf / "components" / "part" / "file").read_text() == "part\n"
    assert find_qemu(ESP32) == str(qemu)
    assert idf_tools.find_idf(os.environ) == host.idf
    python, environment = activated(host.idf, ESP32.toolchain, os.environ)
    assert python.is_relative_to(host.tools)
    assert environment["IDF_TOOLS_PATH"] == str(host.tools)
    findings = {f.subject: f.state for f in builder_of(ESP32).findings(ESP32)}
    assert {findings["ESP-IDF"], findings["xtensa-esp32-elf-gcc"]} == {"ok"}
    assert said() == (0, f"Board esp32 was set up already: {ready}")
    assert len(host.log) == 2


def test_qemu_only(host: Host, said: Said, capsys: pytest.CaptureFixture[str]) -> None:
    """For an image, ESP-IDF's folder `tools` is enough, and no compiler is installed."""
    qemu = host.tools / QEMU
    assert said("--qemu-only") == (0, f"Board esp32 is set up: {qemu} boots it.")
    assert host.log == [f"idf_tools.py install qemu-xtensa in {host.tools}"]
    clone = host.tools / "esp-idf-tools-v5.5.5"
    assert not (clone / "components").exists()
    assert idf_tools.find_idf(os.environ) is None
    assert "submodule" not in host.git_log
    assert main(["setup", "--qemu-only", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "board": "esp32",
        "steps": [],
        "qemu": str(qemu),
        "esp_idf": None,
    }


@pytest.mark.parametrize("how", ["IDF_PATH", "usual place"])
def test_with_the_users_esp_idf(
    host: Host, said: Said, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    """An ESP-IDF that is there installs QEMU where it has its other tools."""
    folder = host.folder / "home" / "esp"
    idf = fake_idf(folder)
    source = host.url / "tools" / "idf_tools.py"
    (idf / "tools" / "idf_tools.py").write_text(source.read_text())
    if how == "IDF_PATH":
        monkeypatch.setenv("IDF_PATH", str(idf))
    status, sentence = said("--qemu-only")
    assert (status, find_qemu(ESP32)) == (0, f"{folder.parent}/.espressif/{QEMU}"), sentence
    assert not (host.folder / "git-log").exists()


def test_users_qemu_is_too_old(
    host: Host,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Where the user's ESP-IDF has a QEMU without the board's machine, another is installed."""
    folder = host.folder / "home" / "esp"
    idf = fake_idf(folder)
    version = {"name": "esp_develop_9.0.0_20240606", "status": "recommended"}
    listed = {"tools": [{"name": "qemu-xtensa", "versions": [version]}]}
    (idf / "tools" / "tools.json").write_text(json.dumps(listed))
    s3 = BOARDS["esp32s3"]
    command = "espbench setup --board esp32s3 --qemu-only"
    assert discovery.install(s3) == command
    assert discovery.install(ESP32).endswith("idf_tools.py install qemu-xtensa")
    monkeypatch.setenv("IDF_PATH", str(idf))
    assert main(["setup", "--board", "esp32s3", "--yes"]) == 1
    assert capsys.readouterr().err == (
        f"espbench: The QEMU of the ESP-IDF in {idf} is too old for board esp32s3: run "
        f"`{command}` first, which installs another beside it.\n"
    )
    assert main(["setup", "--board", "esp32s3", "--yes", "--qemu-only"]) == 0
    assert find_qemu(s3) == str(host.tools / QEMU)
    assert host.log == [f"idf_tools.py install qemu-xtensa in {host.tools}"]


def test_in_idf_tools_path(host: Host, said: Said, monkeypatch: pytest.MonkeyPatch) -> None:
    """IDF_TOOLS_PATH is used instead of espbench's folder, for the clone, too."""
    other = host.folder / "other"
    monkeypatch.setenv("IDF_TOOLS_PATH", str(other))
    assert said()[0] == 0
    assert (other / "esp-idf-v5.5.5" / "tools" / "idf.py").is_file()
    assert find_qemu(ESP32) == str(other / QEMU)
    assert not host.tools.exists()


FAILURES = {
    "no network": (
        *("git", "offline"),
        "git could not reach its server (unable to access 'https://x/': Could not resolve host: "
        "x): check the network and any proxy, or point ESPBENCH_IDF_URL at a mirror of {url}, then "
        "run `{again}` again; it continues from there.",
    ),
    "connection lost": (
        *("git", "cut"),
        "git could not reach its server (early EOF): check the network and any proxy, or point "
        "ESPBENCH_IDF_URL at a mirror of {url}, then run `{again}` again; it continues from there.",
    ),
    "disk full while cloning": (
        *("git", "full"),
        "The disk with {tools} is full, so Espressif's tools could not be installed: free some "
        "space, or set IDF_TOOLS_PATH to a folder on another disk, then run `{again}` again; it "
        "continues from there.",
    ),
    "git killed": (
        *("git", "killed"),
        "git was killed by signal 9: check `dmesg` for a lack of memory, then run `{again}` again; "
        "it continues from there.",
    ),
    "git killed in a submodule": (
        *("git", "half"),
        "git was killed by signal 9: check `dmesg` for a lack of memory, then run `{again}` again; "
        "it continues from there.",
    ),
    "install.sh": (
        *("install", "fails"),
        "install.sh failed (tool gcc has no version for this machine): read its output in "
        "{tools}/setup.log, then run `{again}` again; it continues from there.",
    ),
    "install.sh offline": (
        *("install", "offline"),
        "install.sh could not reach its server (<urlopen error [Errno -2] Name or service not "
        "known>): check the network and any proxy, then run `{again}` again; it continues from "
        "there.",
    ),
    "install.sh killed": (
        *("install", "killed"),
        "install.sh was killed by signal 9: check `dmesg` for a lack of memory, then run `{again}` "
        "again; it continues from there.",
    ),
    "idf_tools.py": (
        *("tools", "fails"),
        "idf_tools.py failed (Failed to verify the checksum of qemu-xtensa.tar.xz): read its "
        "output in {tools}/setup.log, then run `{again}` again; it continues from there.",
    ),
    "disk full": (
        *("tools", "full"),
        "The disk with {tools} is full, so Espressif's tools could not be installed: free some "
        "space, or set IDF_TOOLS_PATH to a folder on another disk, then run `{again}` again; it "
        "continues from there.",
    ),
}


@pytest.mark.parametrize("case", FAILURES)
def test_failures(host: Host, said: Said, case: str) -> None:
    """Each failure is one sentence with the next step, and a rerun does only what is left."""
    step, mode, sentence = FAILURES[case]
    host.lets(step, mode)
    wanted = sentence.format(url=host.url, tools=host.tools, again=FULL)
    assert said() == (1, f"espbench: {wanted}")
    installed = len([line for line in host.log if line.startswith("install.sh")])
    host.lets(step, "works")
    before = host.git_log
    assert said()[0] == 0
    assert find_qemu(ESP32) == str(host.tools / QEMU)
    if step != "git":
        assert host.git_log == before  # ESP-IDF was not fetched again
    if step == "tools":
        assert len([line for line in host.log if line.startswith("install.sh")]) == installed == 1


def test_qemu_that_cannot_start(host: Host, said: Said) -> None:
    """A QEMU without its libraries is installed once; the sentence has apt's command."""
    host.lets("tools", "broken")
    sentence = (
        f"espbench: {host.tools / QEMU} cannot start, because the shared library "
        "libSDL2-2.0.so.0 is missing: install it with `apt-get install --no-install-recommends "
        "libgcrypt20 libglib2.0-0 libpixman-1-0 libsdl2-2.0-0 libslirp0`. Then run `{}` again."
    )
    assert said("--qemu-only") == (1, sentence.format(ONLY))
    assert said("--qemu-only") == (1, sentence.format(ONLY))
    assert len(host.log) == 1
    script(host.tools / QEMU, "#!/bin/sh\necho QEMU emulator version 9.2.2; echo 'esp32  it'\n")
    assert said("--qemu-only")[0] == 0


def test_full_disk_for_the_log(host: Host, said: Said) -> None:
    """A disk that is too full for the log is reported in the same way."""
    host.tools.mkdir(parents=True)
    (host.tools / "setup.log").symlink_to("/dev/full")
    status, sentence = said()
    assert status == 1
    assert sentence.startswith(f"espbench: The disk with {host.tools} is full, so Espressif's")


def test_too_little_space(host: Host, said: Said, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is fetched if the disk has too little space for all steps."""
    monkeypatch.setattr(install, "BUILD_SPACE", 1 << 60)
    status, sentence = said()
    assert status == 1
    assert f" MB in {host.tools}, but only " in sentence
    assert not (host.folder / "git-log").exists()


def test_mirror_without_the_release(
    host: Host, said: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A mirror that lacks the release, and one that does not exist, are named."""
    monkeypatch.setenv(plan.URL_VARIABLE, str(host.url.parent / "part"))
    assert said() == (
        1,
        f"espbench: {host.url.parent}/part does not have ESP-IDF v5.5.5: point ESPBENCH_IDF_URL at "
        f"a mirror that has it, then run `{FULL}` again; it continues from there.",
    )
    monkeypatch.setenv(plan.URL_VARIABLE, "/no/such")
    assert "could not reach its server ('/no/such' does not appear to be a git" in said()[1]


def test_what_debian_has(host: Host, said: Said, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before anything is fetched, one command installs all that Debian has."""
    for program in ("git", "cmake", "ninja"):
        (host.folder / "bin" / program).unlink()
    for program in ("bash", "python3"):
        real = subprocess.run(["which", program], capture_output=True, text=True, check=True)
        path = host.folder / "bin" / program
        path.unlink(missing_ok=True)
        path.symlink_to(real.stdout.strip())
    monkeypatch.setenv("PATH", str(host.folder / "bin"))
    monkeypatch.setattr(requirements, "lacking_libraries", lambda: ["libSDL2-2.0.so.0"])
    monkeypatch.setattr(requirements, "_makes_environments", lambda _path: False)
    assert said() == (
        1,
        "espbench: Packages are missing that Espressif's tools need: run `apt-get install "
        "--no-install-recommends git cmake ninja-build python3-venv libsdl2-2.0-0` as root, then "
        f"`{FULL}` again.",
    )


def test_libraries() -> None:
    """A library that this machine lacks is found, and one that it has is not."""
    found = subprocess.run(
        [sys.executable, "-c", requirements._LOAD, "libno-such.so.0", "libc.so.6"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert found == "libno-such.so.0\n"
    assert set(requirements.lacking_libraries()) <= set(LIBRARIES)


def test_asks(host: Host, capsys: pytest.CaptureFixture[str]) -> None:
    """Without --yes it says what it will do, and installs nothing if nobody answers."""
    assert main(["setup"]) == 1
    assert capsys.readouterr().err == (
        f"Board esp32 needs about 4300 MB of disk for these steps:\n"
        f"  clone ESP-IDF v5.5.5 from {host.url} into {host.idf}\n"
        f"  run {host.idf}/install.sh esp32 (compiler, Python packages)\n"
        f"  run {host.idf}/tools/idf_tools.py install qemu-xtensa\n"
        "espbench: Standard input is not a terminal, so nothing was installed: run "
        f"`{FULL} --yes`.\n"
    )
    assert not host.tools.exists()


@pytest.mark.parametrize(("answer", "status"), [("y\n", 0), ("\n", 1), ("", 1)])
def test_answers(host: Host, monkeypatch: pytest.MonkeyPatch, answer: str, status: int) -> None:
    """Only a yes goes on."""

    class Terminal:
        def isatty(self) -> bool:
            return True

        def readline(self) -> str:
            return answer

    monkeypatch.setattr("sys.stdin", Terminal())
    assert main(["setup"]) == status
    assert host.tools.exists() == (not status)


def test_refused(
    host: Host, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A board that needs nothing, and an IDF_PATH without ESP-IDF, are refused."""
    assert main(["setup", "--board", "lx60", "--yes"]) == 1
    assert capsys.readouterr().err == (
        "espbench: Board lx60 needs none of Espressif's tools: `espbench doctor --board lx60` says "
        "what it needs.\n"
    )
    monkeypatch.setenv("IDF_PATH", "/no/such")
    assert main(["setup", "--yes"]) == 1
    assert capsys.readouterr().err == (
        "espbench: IDF_PATH is /no/such, where there is no ESP-IDF: unset it to install ESP-IDF, "
        "or point it at one.\n"
    )
    monkeypatch.setenv("IDF_PATH", str(fake_idf(host.folder / "other", (6, 0, 0))))
    assert main(["setup", "--yes"]) == 1
    assert "Or unset IDF_PATH to install v5.5.5." in capsys.readouterr().err


def test_path_with_spaces(host: Host, said: Said, monkeypatch: pytest.MonkeyPatch) -> None:
    """ESP-IDF cannot be used in a path with spaces, so it is not installed there."""
    monkeypatch.setenv("IDF_TOOLS_PATH", str(host.folder / "my tools"))
    status, sentence = said()
    assert status == 1
    assert "which contains spaces or special characters: set IDF_TOOLS_PATH to" in sentence


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_killed_in_between(host: Host, number: signal.Signals) -> None:
    """After Ctrl-C or a kill, a rerun waits for what still runs, and continues."""
    os.mkfifo(host.folder / "started")
    os.mkfifo(host.folder / "goes-on")
    host.lets("install", "hangs")
    command = [sys.executable, "-c", RUN, "setup", "--yes"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        (host.folder / "started").read_text()  # waits until install.sh has written
        process.send_signal(number)
        _, stderr = process.communicate()
    host.lets("install", "works")
    if number == signal.SIGINT:
        assert process.returncode == 130
        assert stderr.splitlines()[-1] == (
            f"espbench: stopped: run `{FULL}` again; it continues from there."
        )
        with pytest.raises(OSError, match="No such device"):  # install.sh has ended
            os.open(host.folder / "goes-on", os.O_WRONLY | os.O_NONBLOCK)
    else:
        assert process.returncode == -signal.SIGKILL
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as second:
            assert second.stderr is not None
            for line in second.stderr:
                if line.startswith("waiting for another installation in"):
                    (host.folder / "goes-on").write_text("\n")
        assert second.returncode == 0
    assert main(["setup", "--yes"]) == 0
    assert find_qemu(ESP32) == str(host.tools / QEMU)


RUN = (
    "import sys; from espbench.setup import requirements; requirements.lacking_libraries = list; "
    "from espbench.cli.main import main; sys.exit(main(sys.argv[1:]))"
)


def test_doctor_names_it(host: Host, said: Said) -> None:
    """What the doctor misses, `espbench setup` installs; then it misses nothing."""
    boards = [BOARDS["esp32"]]
    wanted = {f.remedy for f in doctor.examine(boards) if f.remedy}
    assert wanted == {FULL, ONLY}
    assert said()[0] == 0
    assert {f.remedy for f in doctor.examine(boards)} == {""}
