# SPDX-License-Identifier: MIT
"""The plugin's options and ini settings, and whether a session uses one of them.

Every session that has espbench installed imports this module: it imports nothing itself.
"""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from espbench.embedded.services import services, wanted

MODES = ("routed", "direct", "off")
"""What `--espbench-dut` takes."""
DEFAULTS = {
    "espbench": False,
    "espbench_evidence": "failed",
    "espbench_record": "never",
    "espbench_dut": MODES[0],
}
"""What options are when nobody gave them; others are None."""
INI = {
    "espbench_board": ("default of --espbench-board", "lx60"),
    "espbench_firmware": ("default of --espbench-firmware, relative to the root", ""),
    "espbench_evidence_dir": ("default of --espbench-evidence-dir", "evidence"),
    "espbench_ports": ("default of --espbench-ports", ""),
    "espbench_ready_console": ("default of --espbench-ready-console", ""),
    "espbench_ready_http": ("default of --espbench-ready-http", ""),
    "espbench_pool": ("default of --espbench-pool", ""),
}
"""Ini settings: what each is, and its default."""


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
"""What options are called now, by their earlier names, for one release."""


def explain_renamed(parser: pytest.Parser, arguments: Sequence[str]) -> None:
    """Have pytest say what an option is called now, should it refuse its earlier name.

    It refuses nothing when the project has an option of that name.
    """
    names = {argument.partition("=")[0] for argument in arguments}
    if old := [name for name in RENAMED if name in names]:
        parser.extra_info["espbench"] = ", ".join(f"{name} is now {RENAMED[name]}" for name in old)


def add(parser: pytest.Parser) -> None:
    """Add the options; each begins with --espbench, so that a project has all other names."""
    group = parser.getgroup("espbench", "emulated boards (espbench)")
    group.addoption(
        "--espbench",
        action="store_true",
        help="run espbench's own suite smoke as well: it boots, and it serves",
    )
    group.addoption(
        "--espbench-suites",
        metavar="NAME,...",
        help="run these of espbench's own suites as well, such as dual,http; all for all of them",
    )
    group.addoption(
        "--espbench-board",
        metavar="NAME",
        help="board to emulate: lx60, esp32 or esp32c3 (default: ini espbench_board, else lx60)",
    )
    group.addoption(
        "--espbench-firmware",
        metavar="PATH",
        help="firmware to run (default: ini espbench_firmware, else espbench's own, built first)",
    )
    group.addoption(
        "--espbench-firmware-elf",
        metavar="PATH",
        help="the same firmware with debugging information, to decode panics",
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
        help="where evidence goes (default: ini espbench_evidence_dir, else evidence/ in the root)",
    )
    group.addoption(
        "--espbench-report",
        metavar="FILE",
        help="write an HTML page about the session, with its evidence, to FILE",
    )
    group.addoption(
        "--espbench-record",
        choices=("never", "failed", "always"),
        default=DEFAULTS["espbench_record"],
        help="which tests leave a recording for `espbench replay` in their evidence; devices are "
        "slower then (default: never)",
    )
    group.addoption(
        "--espbench-shard",
        metavar="I/N",
        help="run part I of N, which together are all tests; they take equally long, by the "
        "durations that pytest-split's --store-durations recorded",
    )
    group.addoption(
        "--espbench-ports",
        metavar="SCHEME=PORT,...",
        help="where the firmware listens, such as http=8080,https=8443 (default: the board's)",
    )
    group.addoption(
        "--espbench-ready-console",
        metavar="REGEX",
        help="the device is ready when its console shows this",
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
        help="how long it may take (default: the board's, times ESPBENCH_TIMEOUT_SCALE)",
    )
    group.addoption(
        "--espbench-pool",
        metavar="N",
        help="how many devices boot ahead of the tests that need them, in each process; 0: none "
        "(default: ini espbench_pool, else what suits the board, and "
        "none where every core has a worker)",
    )
    group.addoption(
        "--espbench-dut",
        choices=MODES,
        default=DEFAULTS["espbench_dut"],
        help="what pytest-embedded's dut is in QEMU: espbench's machine, with connections to its "
        "address led to it (routed) or not (direct), or pytest-embedded's own (off); "
        f"default: {MODES[0]}",
    )
    for name, (text, default) in INI.items():
        parser.addini(name, text, default=default)


def asked(config: pytest.Config) -> bool:
    """Return whether options or ini settings ask for something of espbench."""
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
    """Return what an option says, or else an ini setting."""
    return str(config.getoption(option) or config.getini(ini) or "")
