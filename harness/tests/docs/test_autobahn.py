# SPDX-License-Identifier: MIT
"""docs/reference/autobahn.md: what was measured, and a reason for each difference."""

from __future__ import annotations

import json

import autobahn
import pytest


def test_the_page_is_what_was_measured() -> None:
    """The page is made of the data, in which each difference has a reason."""
    data = json.loads(autobahn.DATA.read_text(encoding="utf-8"))
    assert autobahn.PAGE.read_text(encoding="utf-8") == autobahn.page(data)


def test_every_case_of_the_reference_firmware() -> None:
    """Both have asked espbench's own firmware all cases that the checks have."""
    data = json.loads(autobahn.DATA.read_text(encoding="utf-8"))
    assert list(data["espbench"]) == [case for _, case in autobahn.numbered()]
    assert not any(case["ours"] == autobahn.FAILED for case in data["espbench"].values())


def test_a_difference_needs_a_reason() -> None:
    """A new difference is an error until somebody has found out who is right."""
    case = {"ours": "passed", "sentence": "", "behavior": "FAILED", "close": "FAILED"}
    with pytest.raises(ValueError, match=r"9\.9\.9: .*find out who is right"):
        autobahn.reason_of("x", "9.9.9", case)
    size = {**case, "ours": "observed", "sentence": "A message of 65535 bytes got a reset."}
    assert autobahn.reason_of("x", "1.1.6", size) == "size"
    assert autobahn.reason_of("x", "1.1.6", {**case, "ours": "failed"}) == ""
