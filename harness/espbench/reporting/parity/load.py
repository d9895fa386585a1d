# SPDX-License-Identifier: MIT
"""Reads a board's results, from `espbench run`'s run.json or from pytest's JUnit XML."""

from __future__ import annotations

import ast
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast, get_args

from junitparser import JUnitXml, JUnitXmlError, Skipped, TestCase, TestSuite

from espbench.device.boot_phases import phases_from_json
from espbench.errors import ConfigError
from espbench.reporting.parity.compare import Side
from espbench.reporting.parity.expected import Kind, Seen

UNREADABLE = "A suite could not be read."


SKIPPED_FILE = "collection skipped"
"""pytest's message for a file that skips itself; path, line and reason follow as a tuple."""
OF_NO_BOARD = ("harness/tests/", "firmware/tests/")
"""Folders of this project's tests that do not concern a board."""

# Text that is not XML raises a SyntaxError.
_SOMETHING_ELSE = (ValueError, KeyError, TypeError, SyntaxError, IndexError, JUnitXmlError)


def side_of_file(
    board: str, path: Path, *, empty: bool = False, also: tuple[str, ...] = ()
) -> Side:
    """Return the results in a file.

    Args:
        board: the expected board.
        path: the file.
        empty: whether it may have no scenarios.
        also: test files that count although they are in `OF_NO_BOARD`.

    Raises:
        ConfigError: the file has no results, or those of another board.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not a text file"
        raise ConfigError(f"{path} cannot be read ({reason}): check --results.") from None
    try:
        if text.lstrip().startswith("<"):
            side = side_of_junit(board, text, also)
        else:
            side = side_of_run(board, json.loads(text))
    except _SOMETHING_ELSE:
        raise ConfigError(
            f"{path} does not contain results: give run.json of espbench run, or JUnit XML of "
            "pytest."
        ) from None
    except ConfigError as error:
        raise ConfigError(f"{path} {error}") from None
    if not (side.scenarios or empty):
        raise ConfigError(f"{path} has no scenarios: run the suites again.")
    return side


def side_of_run(board: str, data: Mapping[str, Any]) -> Side:
    """Return the results in the output of `espbench.reporting.runner.as_json`.

    Raises:
        ConfigError: they are for another board; the message completes "FILE ...".
        ValueError, KeyError, TypeError: it is something else.
    """
    if data["board"] != board:
        raise ConfigError(f"is for board {data['board']}, not {board}: check --results.")
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
        boot=phases_from_json(data["boot"]),
    )


def _seen(kind: Kind, message: str) -> Seen:
    lines = message.strip().splitlines()
    return Seen(kind, lines[0] if lines and kind in ("failed", "skipped") else "")


# ---------------------------------------------------------------- JUnit XML


def side_of_junit(board: str, text: str, also: tuple[str, ...] = ()) -> Side:
    """Return the results in pytest's JUnit XML; for `also` see `side_of_file`.

    Raises:
        JUnitXmlError, SyntaxError, ValueError: it is something else.
    """
    cases = cases_of_junit(text)
    scenarios = {
        name: seen
        for name, seen in cases.items()
        if name.startswith(also) or not name.startswith(OF_NO_BOARD)
    }
    # A name without "::" is a whole suite, which was skipped or could not be read.
    broken = any("::" not in name and seen.kind == "failed" for name, seen in scenarios.items())
    # The XML does not have the selection, so assume that not everything was selected.
    return Side(board, scenarios, selected=True, complaint=UNREADABLE if broken else "")


def cases_of_junit(text: str) -> dict[str, Seen]:
    """Return each test's outcome by node ID; a file that was skipped as a whole has its path.

    Raises:
        JUnitXmlError, SyntaxError, ValueError: the text is not pytest's JUnit XML.
    """
    # The root may be either, despite the method's annotation.
    read = cast("JUnitXml | TestSuite", JUnitXml.fromstring(text))
    cases: dict[str, Seen] = {}
    for suite in [read] if isinstance(read, TestSuite) else read:
        for case in suite:
            name = nodeid(case.classname or "", case.name or "")
            # A test that failed both in its call and in its teardown appears twice.
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
        # The same text as in `espbench.reporting.results`, so both file formats can be compared.
        expected = result.type == "pytest.xfail"
        return _seen("skipped", f"fails as expected: {reason}" if expected else reason)
    return Seen("passed")


def nodeid(classname: str, name: str) -> str:
    """Return the node ID that pytest wrote as a class name and a name.

    `scenarios.test_dual.TestIt` and `test_a[b]` were `scenarios/test_dual.py::TestIt::test_a[b]`.

    Raises:
        ValueError: it does not contain the name of a test file.
    """
    parts = (classname or name).split(".")  # a file that could not be read has no class name
    files = [
        n for n, part in enumerate(parts) if part.startswith("test_") or part.endswith("_test")
    ]
    if not files:
        raise ValueError(classname)
    end = files[-1] + 1
    path = "/".join(parts[:end]) + ".py"
    return "::".join([path, *parts[end:], *([name] if classname else [])])
