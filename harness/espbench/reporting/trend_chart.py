# SPDX-License-Identifier: MIT
"""Draws a figure's history as a small line chart in SVG."""

from __future__ import annotations

from dataclasses import replace

from markupsafe import Markup, escape

from espbench.perf.figures import Figure
from espbench.reporting.history import Trend

WIDTH, HEIGHT, EDGE = 140, 34, 4
"""Size of the picture, and the margin around the line, in SVG units."""
ROOM = 0.05
"""The smallest range of the chart, as a fraction of the median, so that noise looks small."""


def picture(figure: Figure, trend: Trend | None) -> Markup:
    """Return the chart, with a dashed median and a dot for this run; "" without a history."""
    if trend is None:
        return Markup("")
    low, high = min(trend.values), max(trend.values)
    missing = max(ROOM * abs(trend.median) - (high - low), 0) or (high == low) * 1.0
    low, high = low - missing / 2, high + missing / 2
    pause = (WIDTH - 2 * EDGE) / (len(trend.values) - 1)

    def y(value: float) -> float:
        return EDGE + (HEIGHT - 2 * EDGE) * (high - value) / (high - low)

    points = [(EDGE + pause * number, y(value)) for number, value in enumerate(trend.values)]
    dots = "".join(
        f'<circle class="{"last" if number == len(points) else "then"}" cx="{x:.1f}" '
        f'cy="{y:.1f}" r="3"><title>{escape(name)}: {shown(figure, value)}</title></circle>'
        for number, ((x, y), value, name) in enumerate(
            zip(points, trend.values, trend.names, strict=True), 1
        )
    )
    middle = y(trend.median)
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return Markup(
        f'<svg class="trend" viewBox="0 0 {WIDTH} {HEIGHT}" role="img"><title>'
        f"{escape(figure.title)} in {len(points)} runs</title><desc>{escape(words(figure, trend))}"
        f'</desc><line x1="0" y1="{middle:.1f}" x2="{WIDTH}" y2="{middle:.1f}"/>'
        f'<polyline points="{path}"/>{dots}</svg>'
    )


def words(figure: Figure, trend: Trend) -> str:
    """Return a comparison of the last value with the earlier ones."""
    runs = len(trend.values) - 1
    before = "run before" if runs == 1 else f"median of {runs}"
    text = f"{before}: {shown(figure, trend.median)}"
    if not trend.median:
        return text
    change = 100 * (trend.values[-1] - trend.median) / abs(trend.median)
    return f"{text}, {change:+.1f} %"


def shown(figure: Figure, value: float) -> str:
    """Return another value of a figure for display."""
    return replace(figure, value=value).shown()
