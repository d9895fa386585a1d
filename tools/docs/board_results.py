# SPDX-License-Identifier: MIT
"""Shows which suites pass on which board, QEMU, ESP-IDF and MicroPython, from results of runs.

    python tools/docs/board_results.py take JUNIT_XML...
    python tools/docs/board_results.py write

`take` keeps the outcomes in JUnit XML of `pytest scenarios/...` or `espbench run` in
`docs/reference/board-results.json`; a later run of a suite replaces an earlier one. `write` makes
`docs/reference/board-results.md` of it. Both need a clone.
"""

from __future__ import annotations

import json
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from espbench.reporting.parity.load import cases_of_junit
from espbench.suites.names import FOLDER, suite_of

TREE = Path(__file__).resolve().parent.parent.parent
DATA = TREE / "docs" / "reference" / "board-results.json"
PAGE = TREE / "docs" / "reference" / "board-results.md"
COUNTED = ("passed", "failed", "skipped", "not run")
ENVIRONMENT = ("board", "QEMU", "ESP-IDF", "MicroPython", "host")
"""The properties in JUnit XML that tell environments apart."""
COMMIT = "espbench commit"

WHY: dict[str, str] = {}
"""Why scenarios failed, by the node ID without `scenarios/` and parameters: a fault that is known,
a limit of the emulator, or what was wrong with the run."""

Entry = Mapping[str, Any]


def taken(text: str, collected: Iterable[str]) -> tuple[dict[str, str], dict[str, dict[str, Any]]]:
    """Return what is kept of JUnit XML: the environment, and each suite's result.

    Args:
        text: the content of the file.
        collected: the node IDs of all scenarios, to find those that did not run.

    Raises:
        ValueError: the file does not say what was tested, or has no scenarios.
    """
    root = ET.fromstring(text)
    known = {each.get("name", ""): each.get("value", "") for each in root.iter("property")}
    missing = [name for name in (*ENVIRONMENT, COMMIT) if name not in known]
    # The firmware of lx60 has no ESP-IDF.
    if set(missing) - {"ESP-IDF"}:
        raise ValueError(f"does not name {', '.join(missing)}: run the suites with espbench 0.1")
    cases = {
        name: seen for name, seen in cases_of_junit(text).items() if name.startswith(f"{FOLDER}/")
    }
    if not cases:
        raise ValueError("has no scenarios")
    date = min(each.get("timestamp", "") for each in root.iter("testsuite"))[:10]
    left = Counter(suite_of(name) for name in set(collected) - set(cases))
    suites: dict[str, dict[str, Any]] = {}
    for name, seen in cases.items():
        suite = suite_of(name)
        it = suites.setdefault(
            suite,
            {
                **dict.fromkeys(COUNTED, 0),
                "not run": left[suite],
                "date": date,
                "commit": known[COMMIT],
                "failures": [],
                "skips": {},
            },
        )
        it[seen.kind] += 1
        if seen.kind == "failed":
            it["failures"].append(name.removeprefix(f"{FOLDER}/"))
        elif seen.kind == "skipped":
            it["skips"][seen.message] = it["skips"].get(seen.message, 0) + 1
    return {name: known.get(name, "") for name in ENVIRONMENT}, suites


def merged(
    data: Sequence[Entry], environment: Mapping[str, str], suites: Entry, collected: Iterable[str]
) -> list[dict[str, Any]]:
    """Return the data with the results of a file; suites that never ran have only a number.

    Args:
        data: the environments so far.
        environment: the file's environment.
        suites: the file's results.
        collected: the node IDs of all scenarios.
    """
    others = [dict(each) for each in data if each["environment"] != environment]
    before: Entry = next(
        (each["suites"] for each in data if each["environment"] == environment), {}
    )
    every = {
        suite: {**dict.fromkeys(COUNTED, 0), "not run": count}
        for suite, count in Counter(suite_of(name) for name in collected).items()
    }
    ran = {name: it for name, it in before.items() if "date" in it}
    together = dict(sorted({**every, **ran, **suites}.items()))
    found = [*others, {"environment": dict(environment), "suites": together}]
    return sorted(found, key=lambda each: [each["environment"][name] for name in ENVIRONMENT])


def page(data: Sequence[Entry], why: Mapping[str, str]) -> str:
    """Return the page.

    Raises:
        KeyError: a scenario failed, and nothing says why.
    """
    lines = [
        "# Results by board",
        "",
        "<!-- written by tools/docs/board_results.py -->",
        "",
        "Which scenarios pass on the reference firmware, by board, QEMU, ESP-IDF, MicroPython and",
        "host. The numbers are counted in JUnit XML of the runs; no other run is listed. A commit",
        "with a + had uncommitted changes. [Boards](boards.md) describes the boards, and",
        "[which versions of ESP-IDF](boards.md#versions-of-esp-idf) they need.",
        "",
        f"| {' | '.join(ENVIRONMENT)} | suites | {' | '.join(COUNTED)} | date |",
        f"|{'---|' * (len(ENVIRONMENT) + len(COUNTED) + 2)}",
        *(overview(each) for each in data),
        "",
    ]
    for each in data:
        lines += [f"## {title(each['environment'])}", ""]
        lines += [f"| suite | {' | '.join(COUNTED)} | date | commit |"]
        lines += [f"|{'---|' * (len(COUNTED) + 3)}"]
        lines += [row(name, it) for name, it in each["suites"].items() if "date" in it]
        lines += ["", *not_run(each["suites"]), *remarks(each["suites"], why)]
    return "\n".join(lines).rstrip() + "\n"


def title(environment: Mapping[str, str]) -> str:
    """Return the heading of an environment."""
    named = (f"{name} {environment[name]}" for name in ENVIRONMENT[1:-1] if environment[name])
    return ", ".join([environment["board"], *named, environment["host"]])


def overview(each: Entry) -> str:
    """Return the row of an environment."""
    suites = each["suites"].values()
    cells = [each["environment"][name] or "none" for name in ENVIRONMENT]
    ran = [it for it in suites if "date" in it]
    cells += [f"{len(ran)} of {len(suites)}"]
    cells += [str(sum(it[name] for it in suites)) for name in COUNTED]
    dates = sorted({it["date"] for it in ran})
    cells += [" to ".join(dict.fromkeys((dates[0], dates[-1])))]
    return f"| {' | '.join(cells)} |"


def row(name: str, it: Entry) -> str:
    """Return the row of a suite."""
    cells = [f"`{name}`", *(str(it[each]) for each in COUNTED)]
    cells += [it.get("date", ""), f"`{it['commit']}`" if it.get("commit") else ""]
    return f"| {' | '.join(cells)} |"


def not_run(suites: Mapping[str, Entry]) -> list[str]:
    """Return a paragraph about the suites of which no scenario ran; nothing if all did."""
    left = {name: it["not run"] for name, it in suites.items() if "date" not in it}
    if not left:
        return []
    names = ", ".join(f"`{name}`" for name in left)
    return [f"Suites that were not run, with {sum(left.values())} scenarios: {names}.", ""]


def remarks(suites: Mapping[str, Entry], why: Mapping[str, str]) -> list[str]:
    """Return why scenarios failed and were skipped, as lists.

    Raises:
        KeyError: a scenario failed, and nothing says why.
    """
    failures = Counter(function(n) for it in suites.values() for n in it.get("failures", ()))
    lines = []
    if failures:
        reasons: dict[str, list[str]] = {}
        for name, n in failures.items():
            reasons.setdefault(why[name], []).append(f"{n} of `{name}`")
        rows = (f"- {', '.join(names)}: {reason}" for reason, names in reasons.items())
        lines += ["Failed:", "", *rows, ""]
    skips: Counter[str] = Counter()
    for it in suites.values():
        skips.update(it.get("skips", {}))
    if skips:
        lines += ["Skipped:", "", *(f"- {n}: {text}" for text, n in sorted(skips.items())), ""]
    return lines


def function(name: str) -> str:
    """Return a node ID without parameters."""
    return name.partition("[")[0]


def all_scenarios(board: str) -> list[str]:
    """Return the node IDs of the scenarios that pytest collects for a board.

    Raises:
        ValueError: pytest cannot collect them.
    """
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider"]
    command += [f"--espbench-board={board}", FOLDER]
    done = subprocess.run(command, cwd=TREE, capture_output=True, text=True, check=False)
    found = [line for line in done.stdout.splitlines() if line.startswith(f"{FOLDER}/")]
    if done.returncode or not found:
        raise ValueError(f"cannot be counted, as pytest collects nothing: {done.stdout}")
    return found


def take(paths: Sequence[str]) -> None:
    """Add the results in files to the data.

    Raises:
        ValueError: a file is not usable; the message begins with its path.
    """
    data = json.loads(DATA.read_text(encoding="utf-8")) if DATA.is_file() else []
    scenarios: dict[str, list[str]] = {}
    for path in paths:
        text = Path(path).read_text(encoding="utf-8")
        try:
            environment, _ = taken(text, ())
            board = environment["board"]
            if board not in scenarios:
                scenarios[board] = all_scenarios(board)
            data = merged(data, *taken(text, scenarios[board]), scenarios[board])
        except (ValueError, SyntaxError) as error:
            raise ValueError(f"{path} {error}") from None
    text = json.dumps(data, indent=1, ensure_ascii=False) + "\n"
    DATA.write_text(text, encoding="utf-8")


def main(arguments: Sequence[str]) -> int:
    """Run the command line; return its exit status."""
    if len(arguments) > 1 and arguments[0] == "take":
        try:
            take(arguments[1:])
        except ValueError as error:
            print(error, file=sys.stderr)
            return 1
        return 0
    if list(arguments) == ["write"]:
        data = json.loads(DATA.read_text(encoding="utf-8"))
        PAGE.write_text(page(data, WHY), encoding="utf-8")
        return 0
    print(__doc__, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
