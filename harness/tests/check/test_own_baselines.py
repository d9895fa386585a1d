# SPDX-License-Identifier: MIT
"""ci/check-BOARD.toml: what espbench's own firmware may fail."""

from __future__ import annotations

import pytest
from espbench.boards.builtin import BOARDS
from espbench.check.baseline import read_baseline
from espbench.check.diagnosis.traits import traits_of
from espbench.check.families import all_checks
from espbench.check.server import Server
from espbench.firmware.source_tree import own_baseline

HTTPS = Server(443, tls=True, http=True)


@pytest.mark.parametrize("board", BOARDS)
def test_only_traits_are_known(board: str) -> None:
    """Each board has a baseline; what it accepts is a trait of Mbed TLS, not a figure."""
    path = own_baseline(board)
    assert path is not None
    baseline = read_baseline(path)
    assert baseline.known
    assert not baseline.figures
    cases = {each.name: each.cases for each in all_checks()}
    for known in baseline.known:
        assert not known.case or known.case in cases[known.check]
        assert any(trait.startswith("Mbed TLS") for trait in traits_of(known.sentence, HTTPS))
