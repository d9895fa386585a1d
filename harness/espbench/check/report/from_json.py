# SPDX-License-Identifier: MIT
"""Reads the results of a run that has ended, which `as_json` wrote."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from espbench.boards.builtin import board_named
from espbench.check.report.document import Document
from espbench.check.result import Figure, Finding, Outcome, Result, Severity
from espbench.check.run import CheckRun
from espbench.check.server import Server, WebSocketPath
from espbench.check.target.firmware import Firmware
from espbench.errors import ConfigError

__all__ = ["read_document"]


def read_document(path: Path) -> Document:
    """Return what a run has found, without its comparison with a baseline.

    Args:
        path: `check.json` in the folder of the run's report, or what `--json` printed.

    Raises:
        ConfigError: the file cannot be read, or is something else.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        return _document(data)
    except OSError as error:
        raise ConfigError(f"{path} cannot be read ({error.strerror}): check --from.") from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        why = f"{type(error).__name__}: {error}"
        raise ConfigError(
            f"{path} is not a result of espbench check ({why}): name check.json in the folder of "
            "a run's report, or what --json printed."
        ) from None


def _document(data: Mapping[str, Any]) -> Document:
    progress = data.get("interrupted")
    run = CheckRun(
        Firmware(board_named(data["board"]), Path(data["firmware"])),
        [_server(each) for each in data["servers"]],
        [_result(each) for each in data["results"]],
        data["not_inspectable"] or "",
    )
    if progress is not None:
        run.done, run.planned = int(progress["done"]), int(progress["planned"])
        run.interruption = KeyboardInterrupt()
    return Document(run, list(data["command"]), None, dict(data["versions"]))


def _server(data: Mapping[str, Any]) -> Server:
    sockets = tuple(WebSocketPath(**each) for each in data["websockets"])
    return Server(**{**data, "websockets": sockets})


def _result(data: Mapping[str, Any]) -> Result:
    return Result(
        data["id"],
        data["name"],
        data["title"],
        data["source"],
        Outcome(data["outcome"]),
        data["sentence"],
        tuple(_finding(each) for each in data["findings"]),
        tuple(Figure(**each) for each in data["figures"]),
        float(data["seconds"]),
        int(data["cases"]),
        tuple(Path(each) for each in data["evidence"]),
        tuple(data["untried"]),
    )


def _finding(data: Mapping[str, Any]) -> Finding:
    return Finding(
        data["sentence"],
        Severity(data["severity"]),
        data["case"],
        tuple(data["traits"]),
        tuple(data["console"]),
    )
