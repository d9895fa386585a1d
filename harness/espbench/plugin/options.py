# SPDX-License-Identifier: MIT
"""The plugin's options and ini settings, and whether a session uses one of them.

Every pytest session in an environment with espbench imports this module, so its imports are few.
"""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from espbench.embedded.services import services, wanted

MODES = ("routed", "direct", "off")
"""Choices of `--espbench-dut`."""
DEFAULTS = {
    "espbench": False,
    "espbench_check": False,
    "espbench_evidence": "failed",
    "espbench_record": "never",
    "espbench_redact": False,
    "espbench_dut": MODES[0],
    "espbench_gdb": False,
    "espbench_gdb_wait": False,
}
"""Defaults of options; those of others are None."""
INI = {
    "espbench_board": ("default of --espbench-board", ""),
    "espbench_emulator": ("default of --espbench-emulator", ""),
    "espbench_firmware": ("default of --espbench-firmware, relative to the root", ""),
    "espbench_evidence_dir": ("default of --espbench-evidence-dir", "evidence"),
    "espbench_ports": ("default of --espbench-ports", ""),
    "espbench_ready_console": ("default of --espbench-ready-console", ""),
    "espbench_ready_http": ("default of --espbench-ready-http", ""),
    "espbench_pool": ("default of --espbench-pool", ""),
    "espbench_profile": ("default of --espbench-profile, relative to the root", ""),
    "espbench_baseline": ("default of --espbench-baseline, relative to the root", ""),
    "espbench_files": ("default of --espbench-files, relative to the root", ""),
    "espbench_files_partition": ("default of --espbench-files-partition", ""),
    "espbench_redact": ("default of --espbench-redact: true or false", ""),
}
"""Ini settings with their description and default."""


RENAMED = {
    name: f"--espbench-{name.removeprefix('--')}"
    for name in (
        "--board",
        "--firmware",
        "--firmware-elf",
        "--evidence",
        "--evidence-dir",
        "--record",
        "--shard",
        "--ready-console",
        "--ready-http",
        "--ready-timeout",
        "--pool",
    )
}
"""Current names of options, by earlier names; kept for one release."""


def explain_renamed(parser: pytest.Parser, arguments: Sequence[str]) -> None:
    """Add the current names of renamed options to pytest's error about unknown arguments.

    There is no such error if the project has an option of that name.
    """
    names = {argument.partition("=")[0] for argument in arguments}
    if old := [name for name in RENAMED if name in names]:
        parser.extra_info["espbench"] = ", ".join(f"{name} is now {RENAMED[name]}" for name in old)


def add(parser: pytest.Parser) -> None:
    """Add the options; all begin with --espbench, to leave other names to the project."""
    group = parser.getgroup("espbench", "emulated boards (espbench)")
    group.addoption(
        "--espbench",
        action="store_true",
        help="also run espbench's suite smoke: the firmware boots and serves",
    )
    group.addoption(
        "--espbench-suites",
        metavar="NAME,...",
        help="also run these suites of espbench, such as dual,http, or all",
    )
    group.addoption(
        "--espbench-check",
        action="store_true",
        help="also run the checks of `espbench check` on the firmware, a test for each",
    )
    group.addoption(
        "--espbench-profile",
        metavar="FILE",
        help="what those checks cannot find out about the firmware (default: ini espbench_profile)",
    )
    group.addoption(
        "--espbench-baseline",
        metavar="FILE",
        help="known failures and figures of those checks, as `espbench check --update` writes it "
        "(default: ini espbench_baseline)",
    )
    group.addoption(
        "--espbench-files",
        metavar="DIR",
        help="folder with the content of the device's file system (default: ini espbench_files)",
    )
    group.addoption(
        "--espbench-files-partition",
        metavar="LABEL",
        help="partition for these files (default: ini espbench_files_partition, else vfs or the "
        "only one with a file system)",
    )
    group.addoption(
        "--espbench-board",
        metavar="NAME",
        help="board to emulate: lx60, esp32, esp32c3, esp32s3 or esp32c6 (default: ini "
        "espbench_board, else that of the firmware's chip, or lx60)",
    )
    group.addoption(
        "--espbench-emulator",
        metavar="NAME",
        help="qemu or esp-emu (default: ini espbench_emulator, else ESPBENCH_EMULATOR, or qemu; "
        "esp32c6: esp-emu)",
    )
    group.addoption(
        "--espbench-wifi-ssid",
        metavar="NAME",
        help="Wi-Fi network that esp-emu offers; ESPBENCH_WIFI_PASSWORD has its password, or it is "
        "open (default: that of ESP-IDF's build, or myssid)",
    )
    group.addoption(
        "--espbench-firmware",
        metavar="PATH",
        help="firmware to run (default: ini espbench_firmware, else espbench's own, built first)",
    )
    group.addoption(
        "--espbench-firmware-elf",
        metavar="PATH",
        help="its ELF with debugging information, to decode panics and to look inside",
    )
    group.addoption(
        "--espbench-evidence",
        choices=("never", "failed", "always"),
        default=DEFAULTS["espbench_evidence"],
        help="which tests leave a folder of evidence (default: failed)",
    )
    group.addoption(
        "--espbench-evidence-dir",
        metavar="PATH",
        help="folder for evidence (default: ini espbench_evidence_dir, else evidence/ in the root)",
    )
    group.addoption(
        "--espbench-redact",
        action="store_true",
        help="leave the device's lasting secrets out of evidence: flash image, firmware, boot "
        "arguments, core dumps (default: ini espbench_redact)",
    )
    group.addoption(
        "--espbench-report",
        metavar="FILE",
        help="write an HTML report of the session, with its evidence, to FILE",
    )
    group.addoption(
        "--espbench-record",
        choices=("never", "failed", "always"),
        default=DEFAULTS["espbench_record"],
        help="which tests leave a recording for `espbench replay` in their evidence; recording "
        "slows devices down (default: never)",
    )
    group.addoption(
        "--espbench-shard",
        metavar="I/N",
        help="run part I of N; the parts take equally long, by the durations that pytest-split's "
        "--store-durations recorded",
    )
    group.addoption(
        "--espbench-ports",
        metavar="SCHEME=PORT,...",
        help="ports the firmware listens on, such as http=8080,https=8443 (default: the board's)",
    )
    group.addoption(
        "--espbench-ready-console",
        metavar="REGEX",
        help="the device is ready when its console matches this",
    )
    group.addoption(
        "--espbench-ready-http",
        metavar="PATH",
        help="the device is ready when it answers GET PATH",
    )
    group.addoption(
        "--espbench-ready-timeout",
        metavar="SECONDS",
        type=float,
        help="time limit for becoming ready (default: the board's, times ESPBENCH_TIMEOUT_SCALE)",
    )
    group.addoption(
        "--espbench-pool",
        metavar="N",
        help="number of devices to boot ahead of the tests that need them, in each process "
        "(default: ini espbench_pool, else depending on the board, and 0 if every core has a "
        "worker)",
    )
    group.addoption(
        "--espbench-dut",
        choices=MODES,
        default=DEFAULTS["espbench_dut"],
        help="machine of pytest-embedded's dut in QEMU: espbench's, with connections to its "
        "address redirected to it (routed) or not (direct), or pytest-embedded's own (off); "
        f"default: {MODES[0]}",
    )
    group.addoption(
        "--espbench-gdb",
        action="store_true",
        help="print a gdb command for each device that starts; time-outs stop while gdb holds it",
    )
    group.addoption(
        "--espbench-gdb-wait",
        action="store_true",
        help="the same, and have each device wait for gdb before its first instruction",
    )
    for name, (text, default) in INI.items():
        parser.addini(name, text, default=default)


def asked(config: pytest.Config) -> bool:
    """Return whether options or ini settings ask for espbench."""
    options = vars(config.option).items()
    return (
        any(
            n.startswith("espbench") and value not in (DEFAULTS.get(n), None)
            for n, value in options
        )
        or any(config.getini(name) != default for name, (_, default) in INI.items())
        or wanted(services(config) or "")
    )


def setting(config: pytest.Config, option: str, ini: str) -> str:
    """Return the value of an option, or else of an ini setting."""
    return str(config.getoption(option) or config.getini(ini) or "")
