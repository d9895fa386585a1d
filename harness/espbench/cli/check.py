# SPDX-License-Identifier: MIT
"""Command line of `espbench check`: options and output; the work is in `espbench.check`."""

from __future__ import annotations

import argparse
import json
import shlex
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from espbench.boards.builtin import ALL_BOARDS, LX60, board_named
from espbench.cli.shared import (
    JSON_HELP,
    Subparsers,
    add_bare_command,
    chosen_emulator,
    emulator_options,
    foreign_firmware_options,
    interrupted_status,
    make_folder,
    out_folder,
    print_json,
    progress_console,
    table_console,
    write_file,
)
from espbench.errors import ConfigError

if TYPE_CHECKING:
    from espbench.check.report.document import Document
    from espbench.check.target.firmware import Firmware

__all__ = ["add_parser", "run"]

KEPT = (
    "board", "profile", "files", "files_partition", "firmware_elf", "ready_console", "ready_http",
    "ready_timeout", "emulator", "wifi_ssid",
)  # fmt: skip
"""Options that a command to repeat a check needs, too; and `ports`."""
MOST_SENTENCES = 10
"""Failures of one check that are shown at most; the HTML report has all."""


RESULT = "check.json"
"""File with the results beside the HTML report, for --from."""


def add_parser(subparsers: Subparsers) -> None:
    """Add the command `check`."""
    it = add_bare_command(
        subparsers,
        "check",
        run,
        "find out what a firmware serves, what breaks it, and what it leaks",
        "espbench check build/merged-binary.bin --baseline ci/check.toml --junit check.xml",
    )
    it.add_argument(
        "image",
        nargs="?",
        metavar="IMAGE",
        help="ESP-IDF's build folder, or a merged image (bootloader, partition table, application) "
        "with its ELF file beside it (default: espbench's own firmware)",
    )
    it.add_argument(
        "--board",
        metavar="NAME",
        help=f"one of {', '.join(ALL_BOARDS)} (default: the image's chip)",
    )
    foreign_firmware_options(it)
    emulator_options(it)
    it.add_argument(
        "--profile",
        metavar="FILE",
        help="TOML file, or pyproject.toml, with what espbench cannot find out: paths, files, "
        "limits",
    )
    it.add_argument(
        "--only",
        action="append",
        default=[],
        metavar="NAME",
        help="run only this family (tls), check (tls.slow_client) or case "
        "(websocket.framing:1.1.2); can be repeated",
    )
    it.add_argument("--list", action="store_true", help="list all checks")
    it.add_argument(
        "--jobs", type=int, default=2, metavar="N", help="devices to run at once (default: 2)"
    )
    it.add_argument(
        "--out",
        metavar="DIR",
        help=f"folder for the HTML report, {RESULT} and the evidence of failures (default: "
        "build/check; with --only, build/check-only)",
    )
    it.add_argument("--json", action="store_true", help=JSON_HELP)
    it.add_argument("--junit", metavar="FILE", help="write JUnit XML")
    it.add_argument("--markdown", metavar="FILE", help="write a summary for a pull request")
    it.add_argument(
        "--baseline",
        metavar="FILE",
        help="TOML file with known failures and figures; only new failures and worse figures count",
    )
    it.add_argument("--update", action="store_true", help="write what was found to the baseline")
    it.add_argument(
        "--from",
        dest="earlier",
        metavar="FILE",
        help=f"take the results of a run that has ended, its {RESULT}, and boot nothing; with "
        "--baseline and --update, make them the baseline",
    )
    it.add_argument(
        "--redact",
        action="store_true",
        help="leave the device's lasting secrets out of evidence: flash image, firmware, boot "
        "arguments, core dumps",
    )
    it.add_argument(
        "--write-scenario",
        metavar="DIR",
        help="folder into which to write a pytest file for each check that failed; with "
        "--baseline, for new failures alone",
    )


def run(args: argparse.Namespace) -> int:
    """Check a firmware."""
    from espbench.check import baseline as baselines
    from espbench.check.families import all_checks
    from espbench.check.report.from_json import read_document
    from espbench.check.result import Outcome

    if args.list:
        for each in all_checks():
            print(f"{each.name:32} {each.title}")
        return 0
    _refuse(args)
    path = Path(args.baseline) if args.baseline else None
    # Reject a bad baseline before minutes of checks.
    before = baselines.Baseline()
    if path is not None and (path.exists() or not args.update):
        before = baselines.read_baseline(path)
    people = progress_console(args)
    if args.earlier:
        folder = Path(args.out).resolve() if args.out else None
        document = read_document(Path(args.earlier))
    else:
        # Repeating one check does not replace the report of all.
        folder = out_folder(args.out, "check-only" if args.only else "check")
        make_folder(folder)
        if args.image is None:
            said = "No image was named, so this checks espbench's own firmware."
            _say(people, said, "yellow")
        document = _checked(args, folder, people)
    if path is not None and not args.update:
        compared = baselines.compare(before, document.run.results)
        document = replace(document, comparison=compared)
    _show(document, args, people)
    _write(document, args, folder, people)
    if document.run.interruption is not None:
        if args.update:
            _say(people, f"The baseline {path} is unchanged: only a complete run updates it.")
        return 1 if args.earlier else interrupted_status(document.run.interruption)
    if path is not None and args.update:
        baselines.write_baseline(path, baselines.merged(before, document.run.results))
        _say(people, f"baseline written to {path}")
        broken = any(each.outcome is Outcome.ERROR for each in document.run.results)
        return 1 if broken else 0
    if path is None and any(each.findings for each in document.run.results):
        result = args.earlier or (folder / RESULT if folder else "")
        accept = ["espbench", "check", "--from", str(result), "--baseline", "FILE", "--update"]
        _say(people, f"to accept what failed: {shlex.join(accept)}")
    return 0 if document.good else 1


def _refuse(args: argparse.Namespace) -> None:
    """Refuse options that contradict each other.

    Raises:
        ConfigError: they do.
    """
    if args.jobs < 1:
        raise ConfigError(f"--jobs {args.jobs}: run at least one device.")
    if args.update and not args.baseline:
        raise ConfigError("--update needs the baseline to write: name it with --baseline.")
    if args.earlier:
        given = [
            f"--{name.replace('_', '-')}" for name in (*KEPT, "ports", "only") if vars(args)[name]
        ]
        given += ["IMAGE"] if args.image else []
        if given:
            raise ConfigError(
                f"--from takes the results of a run that has ended, and boots nothing: omit "
                f"{', '.join(given)}."
            )


def _checked(args: argparse.Namespace, folder: Path, people: Console) -> Document:
    """Run the checks, and return what they found."""
    from espbench.check.report import document as documents
    from espbench.check.run import run_checks
    from espbench.cli.check_progress import Printer
    from espbench.reporting.evidence import saver

    firmware = _firmware(args)
    if (wifi := firmware.board.wifi) is not None and wifi.source:
        _say(people, f"esp-emu offers the Wi-Fi network {wifi.ssid} ({wifi.source}).")
    save = saver(folder / "evidence", redact=args.redact)
    with Printer(people) as printer:
        run = run_checks(firmware, printer, only=args.only, jobs=args.jobs, save=save)
    return documents.Document(run, _command(args), None, _versions(firmware))


def _show(document: Document, args: argparse.Namespace, people: Console) -> None:
    from espbench.check.report.table import table

    if document.run.results:
        table_console(args).print(table(document))
    for each in document.explanations(new=True):
        first, *rest = each.lines(MOST_SENTENCES)
        _say(people, f"\n{each.heading}: {first}", "bold")
        for line in rest:
            _say(people, f"  {line}")
    if document.run.blind:
        why = f"espbench could not look into the firmware: {document.run.blind}"
        _say(people, f"\n{why}", "yellow")
    _say(people, f"\n{document.summary()}", "bold")


def _say(people: Console, text: str, style: str | None = None) -> None:
    people.print(text, style=style, highlight=False, markup=False)


def _write(
    document: Document, args: argparse.Namespace, folder: Path | None, people: Console
) -> None:
    from espbench.check.report.as_json import as_json
    from espbench.check.report.html import html
    from espbench.check.report.junit import junit
    from espbench.check.report.markdown import markdown
    from espbench.check.report.scenario import file_name, scenario
    from espbench.reporting.html import template

    if folder is not None:
        page = folder / "report.html"
        write_file(str(page), html(document, page, template("check.html")))
        write_file(str(folder / RESULT), f"{json.dumps(as_json(document), indent=1)}\n")
        _say(people, f"report: {page}")
    if args.junit:
        write_file(args.junit, junit(document))
    if args.markdown:
        write_file(args.markdown, markdown(document, Path.cwd()))
    failed = [each for each in map(document.new, document.run.results) if each.findings]
    if args.write_scenario and failed:
        for result in failed:
            target = Path(args.write_scenario) / file_name(result)
            write_file(str(target), scenario(result))
            _say(people, f"scenario: {target}")
        _say(people, f"to run them: {shlex.join(_pytest(args, document))}")
    if args.json:
        print_json(as_json(document))


def _command(args: argparse.Namespace) -> Sequence[str]:
    """Return the command to which `--only` can be added to repeat one check."""
    words = ["espbench", "check", *([args.image] if args.image else [])]
    for name in (*KEPT, "ports"):
        value = getattr(args, name)
        if value is not None:
            words += [f"--{name.replace('_', '-')}", str(value)]
    return words


def _pytest(args: argparse.Namespace, document: Document) -> Sequence[str]:
    """Return the command that runs the scenarios that were written."""
    chosen = {**vars(args), "board": document.run.firmware.board.name, "firmware": args.image}
    options = [
        f"--espbench-{name.replace('_', '-')}={chosen[name]}"
        for name in ("firmware", *KEPT, "ports")
        if chosen[name] is not None
    ]
    return ["pytest", str(args.write_scenario), *options]


def _firmware(args: argparse.Namespace) -> Firmware:
    """Return what to check, by the options and the profile."""
    from espbench.boards.firmware_options import parse_ports, parse_readiness
    from espbench.certs import recipes
    from espbench.check.profile import Profile, read_profile
    from espbench.check.target.firmware import described
    from espbench.check.target.image import board_of
    from espbench.firmware import build
    from espbench.flash.merged_image import image_of

    profile = read_profile(Path(args.profile)) if args.profile else Profile()
    if args.image is None:
        board = chosen_emulator(args, board_named(args.board or LX60.name), None)
        image = build.build(board, console=Console(stderr=True)).firmware
    else:
        image = image_of(Path(args.image))
        board = board_named(args.board) if args.board else board_of(image)
        board = chosen_emulator(args, board, args.image)
    return described(
        board,
        image,
        profile,
        elf=Path(args.firmware_elf) if args.firmware_elf else None,
        files=Path(args.files) if args.files else None,
        files_partition=args.files_partition or "",
        ready=parse_readiness(args.ready_console or "", args.ready_http or ""),
        ready_timeout=args.ready_timeout,
        ports=parse_ports(args.ports, "--ports") if args.ports else None,
        content=recipes()["p256"].on_device() if args.image is None else None,
    )


def _versions(firmware: Firmware) -> dict[str, str]:
    from espbench.perf.gate_run import versions

    return versions(firmware.board, firmware.image, firmware.elf)
