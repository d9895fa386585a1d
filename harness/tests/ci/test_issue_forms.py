# SPDX-License-Identifier: MIT
""".github/ISSUE_TEMPLATE: the form for bugs offers every board."""

from __future__ import annotations

from pathlib import Path

import yaml
from espbench.boards.builtin import BOARDS

FORMS = Path(__file__).resolve().parents[3] / ".github" / "ISSUE_TEMPLATE"


def test_boards() -> None:
    """A bug concerns one of the boards, or none."""
    form = yaml.safe_load((FORMS / "bug.yml").read_text(encoding="utf-8"))
    (board,) = [field["attributes"] for field in form["body"] if field.get("id") == "board"]
    assert board["options"] == [*BOARDS, "none"]
