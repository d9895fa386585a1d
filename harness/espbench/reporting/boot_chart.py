# SPDX-License-Identifier: MIT
"""Draws the boots of several boards as an SVG."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from markupsafe import Markup, escape

from espbench.device.boot_phases import BootPhase, Phase

WIDTH, LABEL, RIGHT = 720, 250, 84
"""Widths of the picture, of the names at its left, and of the times at its right, in SVG units."""
LETTERS = 36
"""The most characters of a name that fit."""
ROW, HEAD, AXIS, GAP = 24, 30, 26, 18
"""Heights of an event, of a board's name, of its scale, and of the space between boards."""
TICKS = 5
"""The most steps of a scale."""
PHASES: Mapping[Phase, str] = {"host": "host", "boot": "ROM and firmware", "serving": "servers"}


def picture(boots: Mapping[str, Sequence[BootPhase]]) -> Markup:
    """Return the boots by board as an SVG, or "" if there is none.

    Each phase has a row, whose bar begins where the previous one ends. Each board has its own
    scale, because one may boot in a tenth of another's time.
    """
    shown = {board: phases for board, phases in boots.items() if phases}
    if not shown:
        return Markup("")
    parts, top = [_legend()], float(HEAD)
    for board, phases in shown.items():
        parts.append(_board(board, phases, top))
        top += HEAD + ROW * len(phases) + AXIS + GAP
    return Markup(
        f'<svg class="boots" viewBox="0 0 {WIDTH} {top - GAP:.0f}" role="img" '
        f'aria-label="Events of a boot of {escape(", ".join(shown))} over time">'
        f"{''.join(parts)}</svg>"
    )


def _legend() -> str:
    parts, x = [], LABEL
    for phase, title in PHASES.items():
        parts.append(
            f'<rect class="{phase}" x="{x}" y="6" width="12" height="10" rx="2"/>'
            f'<text x="{x + 18}" y="15">{title}</text>'
        )
        x += 40 + 8 * len(title)
    return "".join(parts)


def _board(board: str, phases: Sequence[BootPhase], top: float) -> str:
    end = max(each.at for each in phases)
    step = tick(end)
    scale = (WIDTH - LABEL - RIGHT) / (end or 1.0)
    rows = top + HEAD
    bottom = rows + ROW * len(phases)
    parts = [f'<text class="board" x="0" y="{top + 18:.0f}">{escape(board)}</text>']
    for number in range(int(end / step + 1e-9) + 1):
        x = LABEL + scale * step * number
        parts.append(
            f'<line x1="{x:.1f}" y1="{rows:.0f}" x2="{x:.1f}" y2="{bottom:.0f}"/>'
            f'<text class="tick" x="{x:.1f}" y="{bottom + 16:.0f}">{duration(step * number)}</text>'
        )
    before = 0.0
    for number, each in enumerate(phases):
        y = rows + ROW * number
        # Keep a bar visible even if it took no time.
        width = max(scale * (each.at - before), 2.0)
        parts.append(
            f'<text x="0" y="{y + 16:.0f}">{escape(_short(each.name))}</text>'
            f'<rect class="{each.phase}" x="{LABEL + scale * before:.1f}" y="{y + 6:.0f}" '
            f'width="{width:.1f}" height="12" rx="2">'
            f"<title>{escape(each.name)}: {duration(each.at - before)} after what came before"
            f"</title></rect>"
            f'<text class="at" x="{WIDTH}" y="{y + 16:.0f}">{each.at * 1000:,.1f} ms</text>'
        )
        before = each.at
    return "".join(parts)


def _short(name: str) -> str:
    return name if len(name) <= LETTERS else f"{name[: LETTERS - 1]}…"


def tick(end: float) -> float:
    """Return the step of a scale up to `end` seconds: 1, 2 or 5 times a power of ten."""
    if end <= 0:
        return 1.0
    least = end / TICKS
    power = float(10.0 ** math.floor(math.log10(least)))
    return next(power * factor for factor in (1, 2, 5, 10) if power * factor >= least * (1 - 1e-9))


def duration(seconds: float) -> str:
    """Return a label for a time on the scale, in milliseconds below a second."""
    return f"{seconds:g} s" if seconds >= 1 else f"{round(seconds * 1000, 3):g} ms"
