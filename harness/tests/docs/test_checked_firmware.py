# SPDX-License-Identifier: MIT
"""docs/reference/checked-firmware.md: made of what was measured, without traces of a machine."""

from __future__ import annotations

import json
import re

import checked_firmware
import pytest
from espbench.check.families import all_checks

RESULT = {"id": "http.a@80", "outcome": "failed", "severity": "security", "findings": []}
SERVER = {"port": 80, "tls": False, "http": True, "websockets": [{"path": "/ws"}]}


def test_the_page_is_what_was_measured() -> None:
    """The page is made of the data, and names checks that exist."""
    data = json.loads(checked_firmware.DATA.read_text(encoding="utf-8"))
    text = checked_firmware.PAGE.read_text(encoding="utf-8")
    assert text == checked_firmware.page(data)
    known = {each.name for each in all_checks()}
    named = {name.partition("@")[0] for entry in data.values() for name in entry["checks"]}
    assert named <= known
    assert len(data) >= 3
    assert set(data) == set(checked_firmware.SUMMARIES)


def test_no_traces() -> None:
    """Neither ports nor folders of the machine that measured it are kept."""
    text = checked_firmware.DATA.read_text(encoding="utf-8")
    assert not re.search(r"127\.0\.0\.1|/(home|root|work|tmp)/", text)
    sentence = "It panicked in f at /home/me/idf/components/x/a.c:3; 127.0.0.1:81 was silent."
    assert checked_firmware.plain(sentence) == (
        "It panicked in f at components/x/a.c:3; The device was silent."
    )


def test_cells() -> None:
    """A cell has the worst severity of all servers, or that nothing failed, or nothing."""
    checks = {
        "http.a@80": {"outcome": "failed", "severity": "conformance"},
        "http.a@443": {"outcome": "failed", "severity": "security"},
        "http.b": {"outcome": "observed", "severity": None},
        "http.c": {"outcome": "not applicable", "severity": None},
    }
    entry = {"checks": checks}
    cells = [checked_firmware.cell(entry, name) for name in ("http.a", "http.b", "http.c")]
    assert cells == ["security", "✓", ""]


def test_errors_are_not_taken() -> None:
    """Results in which espbench itself failed are refused."""
    results = {"board": "esp32", "servers": [SERVER], "results": [RESULT]}
    assert checked_firmware.taken(results)["servers"] == ["http on port 80, WebSocket /ws"]
    with pytest.raises(ValueError, match=r"http\.a@80 ended with an error"):
        checked_firmware.taken({**results, "results": [{**RESULT, "outcome": "error"}]})
