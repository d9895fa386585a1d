# SPDX-License-Identifier: MIT
"""Reads what a board made of the suites, from `espbench run`'s run.json or from JUnit XML."""

from __future__ import annotations

import ast
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast, get_args

from junitparser import JUnitXml, JUnitXmlError, Skipped, TestCase, TestSuite

from espbench.device.boot_phases import marks_from_json
from espbench.errors import ConfigError
from espbench.reporting.parity.compare import Side
from espbench.reporting.parity.expected import Kind, Seen

UNREADABLE = "A suite could not be read."


SKIPPED_FILE = "collection skipped"
"""What pytest writes for a file that skips itself; path, line and reason follow as a tuple."""
OF_NO_BOARD = ("harness/tests/", "firmware/tests/")
"""Where this project has tests that are about no board."""

# Not XML is a SyntaxError.
_SOMETHING_ELSE = (ValueError, KeyError, TypeError, SyntaxError, IndexError, JUnitXmlError)


def side_of_file(
    board: str, path: Path, *, empty: bool = False, also: tuple[str, ...] = ()
) -> Side:
    """Return the result that a file has.

    Args:
        board: whose.
        path: where.
        empty: whether it may have no scenario.
        also: files that count although they are where tests are about no board.

    Raises:
        ConfigError: it has none, or that of another board.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text"
        raise ConfigError(f"{path} cannot be read ({reason}): check --results.") from None
    try:
        if text.lstrip().startswith("<"):
            side = side_of_junit(board, text, also)
        else:
            side = side_of_run(board, json.loads(text))
    except _SOMETHING_ELSE:
        raise ConfigError(
            f"{path} is no result of a run: give run.json of espbench run, or JUnit XML of pytest."
        ) from None
    except ConfigError as error:
        raise ConfigError(f"{path} {error}") from None
    if not (side.scenarios or empty):
        raise ConfigError(f"{path} has no scenario: run the suites again.")
    return side


def side_of_run(board: str, data: Mapping[str, Any]) -> Side:
    """Return what `espbench.reporting.runner.as_json` made.

    Raises:
        ConfigError: it is of another board; completes "FILE ...".
        ValueError, KeyError, TypeError: it is something else.
    """
    if data["board"] != board:
        raise ConfigError(f"is of board {data['board']}, not {board}: check --results.")
    scenarios = {}
    for item in data["scenarios"]:
        kind, message = item["outcome"], item["message"]
        if kind not in get_args(Kind):
            raise ValueError(kind)
        scenarios[str(item["scenario"])] = _seen(kind, message)
    return Side(
        board,
        scenarios,
        selected=bool(data["selected"]),
        complaint="" if data["ended"] else str(data["complaint"] or UNREADABLE),
        boot=marks_from_json(data["boot"]),
    )


def _seen(kind: Kind, message: str) -> Seen:
    lines = message.strip().splitlines()
    return Seen(kind, lines[0] if lines and kind in ("failed", "skipped") else "")


# ---------------------------------------------------------------- JUnit XML


def side_of_junit(board: str, text: str, also: tuple[str, ...] = ()) -> Side:
    """Return what JUnit XML of pytest says; `also` as for `side_of_file`.

    Raises:
        JUnitXmlError, SyntaxError, ValueError: it is something else.
    """
    cases = cases_of_junit(text)
    scenarios = {
        name: seen
        for name, seen in cases.items()
        if name.startswith(also) or not name.startswith(OF_NO_BOARD)
    }
    # Alone a suite is named as a whole: it was skipped so, or it could not be read.
    broken = any("::" not in name and seen.kind == "failed" for name, seen in scenarios.items())
    # It does not say what was asked for: better to think that it was not everything.
    return Side(board, scenarios, selected=True, complaint=UNREADABLE if broken else "")


def cases_of_junit(text: str) -> dict[str, Seen]:
    """Return how each test ended, by node id; a file that was left out as a whole has its path.

    Raises:
        JUnitXmlError, SyntaxError, ValueError: it is no JUnit XML of pytest.
    """
    # The root may be either, whatever the method's annotation says.
    read = cast("JUnitXml | TestSuite", JUnitXml.fromstring(text))
    cases: dict[str, Seen] = {}
    for suite in [read] if isinstance(read, TestSuite) else read:
        for case in suite:
            name = nodeid(case.classname or "", case.name or "")
            # A test that failed twice, while it ran and while it was torn down, is there twice.
            if name not in cases or cases[name].kind != "failed":
                cases[name] = _seen_of(case)
    return cases


def _seen_of(case: TestCase) -> Seen:
    for result in case.result:
        if not isinstance(result, Skipped):
            return _seen("failed", result.message or "")
        message = result.message or ""
        if message == SKIPPED_FILE:
            message = ast.literal_eval(result.text or "")[2]
        reason = message.removeprefix("Skipped: ")
        # As `espbench.reporting.results` has it, so that both kinds of files can be compared.
        expected = result.type == "pytest.xfail"
        return _seen("skipped", f"fails as expected: {reason}" if expected else reason)
    return Seen("passed")


def nodeid(classname: str, name: str) -> str:
    """Return the node id that pytest wrote as a class and a name.

    `scenarios.test_dual.TestIt` and `test_a[b]` were `scenarios/test_dual.py::TestIt::test_a[b]`.

    Raises:
        ValueError: there is no file in it whose name pytest would take.
    """
    parts = (classname or name).split(".")  # what could not be read has no class
    files = [
        n for n, part in enumerate(parts) if part.startswith("test_") or part.endswith("_test")
    ]
    if not files:
        raise ValueError(classname)
    end = files[-1] + 1
    path = "/".join(parts[:end]) + ".py"
    return "::".join([path, *parts[end:], *([name] if classname else [])])
