# SPDX-License-Identifier: MIT
"""Checks the machine for the boards' requirements (`examine`), and shows the result (`show`)."""

from __future__ import annotations

import importlib.metadata
import platform
import shutil
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace

from packaging.requirements import Requirement
from rich.console import Console
from rich.text import Text

from espbench.boards.board import Board
from espbench.boards.builtin import ESP_EMU_BOARDS
from espbench.doctor.layout import columns, indented
from espbench.emulator.choice import find_emulator, found_version
from espbench.errors import EspbenchError, QemuCannotStart
from espbench.firmware import source_tree as tree
from espbench.firmware import sources
from espbench.firmware.build import builder_of
from espbench.firmware.checks import Finding, Purpose, State
from espbench.firmware.download import megabytes
from espbench.qemu.discovery import install, machines_of
from espbench.qemu.process import check_version, dotted, find_qemu, qemu_version
from espbench.util.listing import listing
from espbench.util.programs import output
from espbench.util.system_packages import APT, install_command

ALL = "all"
"""In the place of a board: what every board needs."""
SPACE = 500_000_000
"""Bytes that sources and builds need, with a margin."""


def examine(boards: Sequence[Board], *, wanted: bool = True) -> list[Finding]:
    """Check everything that these boards need, without raising if something is missing.

    Args:
        boards: the boards to check for.
        wanted: whether the user named them; if not, tools for optional boards may be missing.
    """
    findings = [_python(), _packages(), *_programs(), *_cache(boards), _space()]
    if boards and all(board.optional for board in boards):
        findings = [_if_built(finding) for finding in findings]
    for board in boards:
        found = _board(board)
        if board.optional:
            found = [_if_built(finding) for finding in found]
            found = found if wanted else [_optional(finding) for finding in found]
        findings += found
    return findings


def _if_built(finding: Finding) -> Finding:
    """Return a finding of a board for which users bring an image: they need not build one."""
    return _optional(finding) if finding.purpose == "build" else finding


def _optional(finding: Finding) -> Finding:
    return replace(finding, state="optional") if finding.state == "missing" else finding


def healthy(findings: Iterable[Finding]) -> bool:
    """Return whether nothing is missing."""
    return all(finding.state != "missing" for finding in findings)


def _python() -> Finding:
    return Finding(ALL, "Python", "ok", f"{platform.python_version()} ({sys.executable})")


def _packages() -> Finding:
    """Check the package's declared requirements, without importing them."""
    try:
        required = importlib.metadata.requires("espbench") or []
    except importlib.metadata.PackageNotFoundError:
        return Finding(ALL, "Python packages", "missing", "not installed", _again())
    needed = [requirement for text in required if not _of_extra(requirement := Requirement(text))]
    absent = [requirement.name for requirement in needed if not _installed(requirement.name)]
    if absent:
        return Finding(ALL, "Python packages", "missing", f"no {', '.join(absent)}", _again())
    return Finding(ALL, "Python packages", "ok", f"all {len(needed)} installed")


def _of_extra(requirement: Requirement) -> bool:
    marker = requirement.marker
    return marker is not None and not marker.evaluate({"extra": ""})


def _again() -> str:
    return "run make setup" if tree.clone() else "pip install --force-reinstall espbench"


def _installed(name: str) -> bool:
    try:
        importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def _programs() -> list[Finding]:
    make = _program(ALL, "make", "make", "builds the firmware")
    found = [replace(make, purpose="build")]
    if sys.platform == "linux":  # elsewhere a watcher takes its place
        why = "ends QEMU with its test, whatever happens"
        found.insert(0, _program(ALL, "setpriv", "util-linux", why))
    return found


def _program(board: str, program: str, package: str, purpose: str) -> Finding:
    path = shutil.which(program)
    if path is None:
        why = f"not installed; {purpose}"
        return Finding(board, program, "missing", why, install_command(package))
    return Finding(board, program, "ok", path)


def _cache(boards: Sequence[Board]) -> list[Finding]:
    """Look for the sources that these boards' firmware needs; a firmware may need none."""
    cache = sources.cache_folder()
    names = {n for board in boards if board.own_firmware for n in builder_of(board).sources()}
    pins = [source for name, source in sources.pinned().sources.items() if name in names]
    there = sum(sources.present(source, cache) for source in pins)
    if not pins:
        return []
    if there == len(pins):
        return [Finding(ALL, "sources", "ok", f"all {there} in {cache}", purpose="build")]
    size = sum(s.wanted.size for s in pins if not sources.present(s, cache))
    return [
        Finding(
            ALL,
            "sources",
            "later",
            f"{there} of {len(pins)} in {cache}; building espbench's own firmware fetches "
            f"{megabytes(size)}",
            purpose="build",
        )
    ]


def _space() -> Finding:
    folder = sources.cache_folder()
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    text = f"{megabytes(free)} free in {folder}"
    if free >= SPACE:
        return Finding(ALL, "disk", "ok", text, purpose="build")
    return Finding(
        ALL,
        "disk",
        "missing",
        f"{text}, {megabytes(SPACE)} needed",
        "free some space, or point ESPBENCH_CACHE at another disk",
        purpose="build",
    )


def _board(board: Board) -> list[Finding]:
    if not board.in_qemu:
        return [_esp_emu(board)]
    builder = builder_of(board)
    building = [*builder.findings(board), _firmware(board, builder.output)]
    return [*_qemu(board), *(replace(finding, purpose="build") for finding in building)]


def _qemu(board: Board) -> list[Finding]:
    remedy = install(board)
    try:
        program = find_qemu(board)
        version = qemu_version(program)
        check_version(board, program, version)
    except QemuCannotStart as error:
        return [Finding(board.name, board.qemu, "missing", str(error), error.remedy)]
    except EspbenchError as error:
        return [Finding(board.name, board.qemu, "missing", str(error), remedy)]
    found = [Finding(board.name, board.qemu, "ok", f"{dotted(version)} ({program})")]
    if board.machine in machines_of(program):
        found.append(Finding(board.name, f"machine {board.machine}", "ok", "known to this QEMU"))
    else:
        found.append(
            Finding(
                board.name, f"machine {board.machine}", "missing", "unknown to this QEMU", remedy
            )
        )
    return found


def _esp_emu(board: Board) -> Finding:
    purpose = "boots images for the chip, and with --emulator esp-emu Wi-Fi images for others"
    try:
        program = find_emulator(board)
        version = found_version(board, program)
    except EspbenchError as error:
        remedy = f"use {board.qemu_package}"
        return Finding(board.name, board.qemu, "missing", f"{error} It {purpose}.", remedy)
    return Finding(board.name, board.qemu, "ok", f"{dotted(version)} ({program}); it {purpose}")


def _firmware(board: Board, name: str) -> Finding:
    try:
        made = tree.builds(tree.root()) / board.name / name
    except EspbenchError as error:
        return Finding(board.name, "firmware", "later", str(error))
    if made.exists():
        return Finding(board.name, "firmware", "ok", str(made))
    return Finding(board.name, "firmware", "later", f"built by espbench build --board {board.name}")


def as_json(findings: Iterable[Finding]) -> dict[str, object]:
    """Return the findings as a JSON object."""
    findings = list(findings)
    return {"healthy": healthy(findings), "findings": [asdict(finding) for finding in findings]}


def remedies(
    findings: Iterable[Finding], state: State = "missing", besides: Sequence[str] = ()
) -> list[str]:
    """Return the remedies for findings of a state, with all Debian packages in one line; pure.

    Args:
        findings: all findings.
        state: the state to select.
        besides: Debian packages to install in the same line, if there is one.
    """
    packages: list[str] = []
    others: list[str] = []
    for finding in findings:
        if finding.state != state or not finding.remedy:
            continue
        if finding.remedy.startswith(APT):
            packages += finding.remedy.removeprefix(APT).split()
        else:
            others.append(finding.remedy)
    line = [install_command(*dict.fromkeys([*besides, *packages]))] if packages else []
    return [*line, *dict.fromkeys(others)]


SIGNS: Mapping[State, tuple[str, str]] = {
    "ok": ("ok", "green"),
    "missing": ("missing", "bold red"),
    "later": ("later", "yellow"),
    "optional": ("not here", "yellow"),
}
"""How the table shows each state, and in which style."""


def show(findings: Sequence[Finding], console: Console) -> None:
    """Print the findings as a table, then the remedies."""
    for line in table(findings, console.width):
        console.print(line, soft_wrap=True)
    if steps := remedies(findings, besides=_wanted_by_the_clone()):
        _steps("To get what is missing:", steps, console)
    _say_optional(findings, console)
    if lines := ready(findings):
        console.print("\n" + "\n".join(lines), highlight=False, soft_wrap=True)


def table(findings: Sequence[Finding], width: int) -> Iterator[Text]:
    """Yield the lines of a table of findings; pure.

    What is present is a version or a path, to be copied: it stays in one line.

    Args:
        findings: what to show.
        width: width of the terminal in columns.
    """
    names = columns([("board", "what"), *((each.board, each.subject) for each in findings)])
    signs = columns([("",), *((SIGNS[each.state][0],) for each in findings)])
    purposes = columns([("needed to",), *((each.purpose,) for each in findings)])
    yield Text(f"{names[0]}{signs[0]}{purposes[0]}found", "bold")
    rows = zip(names[1:], signs[1:], purposes[1:], findings, strict=True)
    for name, sign, purpose, finding in rows:
        start = f"{name}{sign}{purpose}"
        whole = finding.state in ("ok", "later")
        lines = [start + finding.found] if whole else indented(start, finding.found, width)
        first = Text(lines[0])
        first.stylize(SIGNS[finding.state][1], len(name), len(name) + len(sign))
        yield first
        yield from map(Text, lines[1:])


READY: Mapping[Purpose, str] = {
    "boot": "boot and check any image for {}",
    "build": "build espbench's own firmware for {}",
}
"""What a machine can do that lacks nothing for a purpose."""
OPTIONAL: Mapping[Purpose, str] = {
    "boot": "To boot and check images for {}, too (or use Espressif's container image):",
    "build": "To build espbench's own firmware for {}, which your own image does not need:",
}


def ready(findings: Sequence[Finding]) -> list[str]:
    """Return a sentence for each purpose that this machine is ready for; pure."""
    boards = list(dict.fromkeys(each.board for each in findings if each.board != ALL))
    lines = []
    for purpose, text in READY.items():
        able = [
            board
            for board in boards
            if not (purpose == "build" and board in ESP_EMU_BOARDS)  # which have no own firmware
            and not _lacking(findings, board, purpose)
        ]
        if able:
            lines.append(f"Ready to {text.format(listing(able))}.")
    return lines


def _lacking(findings: Iterable[Finding], board: str, purpose: Purpose) -> bool:
    """Return whether something is not here that a board needs for a purpose."""
    return any(
        each.state in ("missing", "optional")
        and each.purpose == purpose
        and each.board in (ALL, board)
        for each in findings
    )


def _say_optional(findings: Sequence[Finding], console: Console) -> None:
    """Print how to get what is missing for optional boards."""
    boards = list(dict.fromkeys(each.board for each in findings if each.board != ALL))
    for purpose, title in OPTIONAL.items():
        chosen = [f for f in findings if f.state == "optional" and f.purpose == purpose]
        if steps := remedies(chosen, "optional"):
            names = [b for b in boards if any(f.board == b for f in chosen)] or boards
            _steps(title.format(listing(names)), steps, console)


def _wanted_by_the_clone() -> list[str]:
    """Return the packages that a clone's set-up would ask for, so one apt line covers both."""
    root = tree.clone()
    script = root / "tools" / "bootstrap" / "debian.py" if root else None
    if script is None or not script.exists():
        return []
    return output([sys.executable, str(script)]).removeprefix(APT).split()


def _steps(title: str, steps: Iterable[str], console: Console) -> None:
    console.print(f"\n{title}")
    for step in steps:
        console.print(f"  {step}", highlight=False, soft_wrap=True, markup=False)
