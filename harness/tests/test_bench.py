"""What `espbench bench` makes of its measurements."""

from __future__ import annotations

import pytest
from espbench.bench import connections


@pytest.mark.parametrize(("slowest", "good"), [(0.5, True), (0.501, False)])
def test_connections(slowest: float, good: bool) -> None:
    """One connection that stalls is bad, however quick the others are, as the median says."""
    found = {figure.key: figure for figure in connections([0.010, 0.011, slowest, 0.012, 0.009])}
    assert found["slowest_connection_ms"].title == "Slowest of 5 connections"
    assert found["slowest_connection_ms"].shown() == f"{slowest * 1000:.1f} ms"
    assert found["median_connection_ms"].shown() == "11.0 ms"
    assert [figure.good for figure in found.values()] == [good, True]
