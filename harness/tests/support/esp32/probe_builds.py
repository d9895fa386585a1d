# SPDX-License-Identifier: MIT
"""The probe firmware of harness/tests/support/esp32/probe, in builds for several ESP-IDF versions.

ESPBENCH_PROBES names a folder with one folder for each build, `probe-VERSION-BOARD` or
`probe-VERSION-BOARD-VARIANT`, such as `probe-5.4-esp32-unicore`. Each contains `firmware.bin` (the
merged flash image) and `firmware.elf`. Without it, the ESP-IDF that is installed builds the probe.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from espbench.boards.builtin import BOARDS, ESP32, ESP32C3, ESP32S3
from espbench.boards.readiness import ConsoleReadiness
from espbench.device.device import Device
from espbench.errors import EspbenchError
from espbench.firmware import idf_env
from espbench.qemu.discovery import find_qemu

TREE = Path(__file__).resolve().parents[4]
SOURCE = Path("harness", "tests", "support", "esp32", "probe")
"""The probe's source, relative to the repository."""
OWN_BUILDS = TREE / "build" / "probe"
VARIABLE = "ESPBENCH_PROBES"
READY = ConsoleReadiness(r'^{"ready": true}$')
TCP_PORT = 8266
UDP_PORT = 5353
_NAME = re.compile(r"probe-(?P<version>\d+\.\d+)-(?P<board>[a-z0-9]+)(-(?P<variant>\w+))?")


@dataclass(frozen=True)
class Build:
    """A build of the probe."""

    firmware: Path
    version: tuple[int, ...]
    """ESP-IDF's version, such as (5, 4)."""
    board: str
    variant: str
    """What differs from the usual configuration, such as "unicore"; "" if nothing does."""

    @property
    def name(self) -> str:
        """Return the name of its folder."""
        return self.firmware.parent.name

    def device(self, **options: Any) -> Device:
        """Return a device with this firmware; `options` are those of `Device`."""
        make(self)
        return Device(self.board, self.firmware, ready=READY, **options)


def make(build: Build) -> None:
    """Build the firmware, if the installed ESP-IDF has to."""
    if OWN_BUILDS in build.firmware.parents:
        _build(build.firmware, build.board)


def builds() -> list[Build]:
    """Return the builds that this machine can boot, sorted by name.

    Those by the installed ESP-IDF are made when `Build.device` first needs them.
    """
    folder = os.environ.get(VARIABLE, "")
    if not folder:
        return _possible()
    found = []
    for path in sorted(Path(folder).glob("probe-*/firmware.bin")):
        if (match := _NAME.fullmatch(path.parent.name)) and _boots(match["board"]):
            version = tuple(int(part) for part in match["version"].split("."))
            found.append(Build(path, version, match["board"], match["variant"] or ""))
    return found


def _possible() -> list[Build]:
    found = []
    for board in (ESP32, ESP32C3, ESP32S3):
        with contextlib.suppress(EspbenchError):
            version = idf_env.idf_version(idf_env.check_idf(board.name, os.environ))
            if version is not None and _boots(board.name):
                name = f"probe-{version[0]}.{version[1]}-{board.name}"
                found.append(Build(OWN_BUILDS / name / "firmware.bin", version, board.name, ""))
    return found


@cache
def _build(image: Path, chip: str) -> None:
    """Build the probe with the installed ESP-IDF."""
    idf = idf_env.check_idf(chip, os.environ)
    python, environment = idf_env.activated(idf, BOARDS[chip].toolchain, os.environ)
    folder = image.parent
    folder.mkdir(parents=True, exist_ok=True)
    defaults = [TREE / SOURCE / "sdkconfig.defaults", folder / "sdkconfig.defaults"]
    # A plain ESP-IDF lacks the radio's binary libraries, which the probe does not use.
    defaults[1].write_text("CONFIG_APP_NO_BLOBS=y\n")
    definitions = {
        "IDF_TARGET": chip,
        "SDKCONFIG": str(folder / "sdkconfig"),
        "SDKCONFIG_DEFAULTS": ";".join(map(str, defaults)),
    }
    tool = [str(python), f"{idf}/tools/idf.py", "-C", str(TREE / SOURCE), "-B", f"{folder}/build"]
    tool += [f"-D{name}={value}" for name, value in definitions.items()]
    merge = [str(python), "-m", "esptool", "--chip", chip, "merge_bin", "-o", str(image)]
    merge += ["--fill-flash-size", "4MB", "@flash_args"]
    log = folder / "build.log"
    with log.open("w") as file:
        for command, where in (([*tool, "build"], folder), (merge, folder / "build")):
            done = subprocess.run(
                command,
                cwd=where,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                check=False,
            )
            assert done.returncode == 0, "\n".join(log.read_text().splitlines()[-30:])
    description = json.loads((folder / "build" / "project_description.json").read_text())
    shutil.copy(folder / "build" / description["app_elf"], image.with_suffix(".elf"))


def absence() -> str:
    """Return why there is no build to boot, or "" if there is one."""
    if builds():
        return ""
    return (
        f"Neither ESP-IDF, which builds {SOURCE}, nor a build of it was found: point IDF_PATH at "
        f"the first, or {VARIABLE} at a folder with builds."
    )


def ask(device: Device, command: str) -> dict[str, Any]:
    """Return the probe's answer to a command."""
    device.console.skip()
    device.console.send(command + "\n")
    answer: dict[str, Any] = json.loads(device.console.expect(r"^({.*})\n", 20)[1])
    if "error" in answer:
        raise ValueError(f"{command!r}: {answer['error']}")
    return answer


def _boots(name: str) -> bool:
    """Return whether there is a QEMU for the board."""
    if name not in BOARDS:
        return False
    try:
        find_qemu(BOARDS[name])
    except EspbenchError:
        return False
    return True
