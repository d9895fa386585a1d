# SPDX-License-Identifier: MIT
"""Draws a test's heap over time, with its connections below, as an SVG."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from markupsafe import Markup, escape

from espbench.netem.connections import Connection
from espbench.reporting.boot_chart import duration, tick
from espbench.reporting.evidence_reader import Sample, StoredEvent, StoredEvidence

WIDTH, LEFT, RIGHT = 720, 66, 12
"""Widths of the picture, of the scale at its left, and of the right margin, in SVG units."""
TOP, HEIGHT, AXIS = 54, 170, 22
"""Heights of the legend with the names of marks, of the curve, and of the time scale."""
LANE, LANES = 12, 14
"""Height of a row of connections, and the most rows."""
POINTS = 300
"""Number of time intervals for which the curve shows minimum and maximum."""
MARKS: Mapping[str, str] = {
    "test": "test",
    "boot": "boot",
    "reset": "reset",
    "reset_cause": "reset",
    "ballast": "ballast",
    "fail_alloc": "failing allocation",
    "network": "network",
    "panic": "panic",
    "qemu_died": "QEMU ended",
}
"""Labels of the events to mark, by event name."""
ROOM = 0.1
"""The smallest fraction of the heap that the scale covers, so that small changes look small."""
NEAR = 8
"""Distance in SVG units within which marks of the same name are merged."""


def picture(evidence: StoredEvidence, ports: Mapping[int, str]) -> Markup:
    """Return the heap's curve as an SVG, or "" if there are fewer than two samples.

    Args:
        evidence: the evidence of the test.
        ports: scheme by the device's port, such as 443: "https".
    """
    begin, end = window(evidence)
    samples = thinned([s for s in evidence.samples if begin <= s.at <= end])
    if len(samples) < 2:
        return Markup("")
    low, high, step = bounds(samples)
    x = _Scale(begin, end, LEFT, WIDTH - RIGHT)
    y = _Scale(low, high, TOP + HEIGHT, TOP)
    lanes = packed([c for c in evidence.connections if _within(c, begin, end)])
    shown = lanes[:LANES]
    left = sum(len(lane) for lane in lanes[LANES:])
    bottom = TOP + HEIGHT + AXIS + LANE * len(shown) + (18 if left else 0) + 4
    words = summary(evidence, samples)
    parts = [
        f'<svg class="heap" viewBox="0 0 {WIDTH} {bottom}" role="img"><title>The heap during the '
        f"test</title><desc>{escape(words)}</desc>",
        *_scales(x, y, step),
        *_marks(evidence.events, x),
        _steps("low", [(x(s.at), y(s.low_water)) for s in samples]),
        _steps("free", [(x(s.at), y(s.free)) for s in samples]),
        *(
            f'<circle class="free" cx="{x(s.at):.1f}" cy="{y(s.free):.1f}" r="2.2"><title>'
            f"{s.at:.3f} s: {s.free:,} bytes free, low water {s.low_water:,}</title></circle>"
            for s in samples
        ),
        *_legend(sorted({_scheme(c, ports) for lane in shown for c in lane})),
        *_connections(shown, x, ports),
    ]
    if left:
        parts.append(
            f'<text class="tick" x="{LEFT}" y="{bottom - 6}">and {left} more connections</text>'
        )
    return Markup("".join([*parts, "</svg>"]))


class _Scale:
    """Maps values to positions in the picture."""

    def __init__(self, low: float, high: float, at_low: float, at_high: float) -> None:
        self.low, self.high = low, high
        self._at, self._factor = at_low, (at_high - at_low) / ((high - low) or 1.0)

    def __call__(self, value: float) -> float:
        return self._at + (min(max(value, self.low), self.high) - self.low) * self._factor


def window(evidence: StoredEvidence) -> tuple[float, float]:
    """Return the time range of the picture: the last test, with a margin before and after."""
    last = [evidence.samples[-1].at] if evidence.samples else []
    last += [event.at for event in evidence.events if event.name in ("panic", "qemu_died")]
    begin, end = evidence.began, max([*last, evidence.began])
    before = [s.at for s in evidence.samples if s.at < begin and begin - s.at < 0.3 * (end - begin)]
    margin = 0.03 * (end - begin)
    return max(0.0, min(begin - margin, max(before, default=begin))), end + margin


def thinned(samples: Sequence[Sample]) -> list[Sample]:
    """Return only as many samples as are visible: minimum and maximum of each interval."""
    if len(samples) <= 2 * POINTS:
        return list(samples)
    begin, span = samples[0].at, (samples[-1].at - samples[0].at) or 1.0
    groups: dict[int, list[Sample]] = {}
    for sample in samples:
        groups.setdefault(int((sample.at - begin) / span * POINTS), []).append(sample)
    kept = {samples[0], samples[-1]}
    for group in groups.values():
        kept |= {min(group, key=lambda s: s.free), max(group, key=lambda s: s.free)}
    return sorted(kept, key=lambda s: s.at)


def bounds(samples: Sequence[Sample]) -> tuple[float, float, float]:
    """Return the scale of the bytes: its ends, which are multiples of the step, and the step."""
    low = min(min(s.low_water, s.free) for s in samples)
    high = max(s.free for s in samples)
    missing = ROOM * max(s.size for s in samples) - (high - low)
    if missing > 0:
        low, high = max(0, low - int(missing / 2)), high + int(missing / 2)
    step = tick(float(high - low or 1))
    return step * (low // step), step * -(-high // step), step


def packed(connections: Sequence[Connection]) -> list[list[Connection]]:
    """Return the connections in rows without overlaps."""
    lanes: list[list[Connection]] = []
    for connection in sorted(connections, key=lambda c: c.opened):
        for lane in lanes:
            closed = lane[-1].closed
            if closed is not None and closed <= connection.opened:
                lane.append(connection)
                break
        else:
            lanes.append([connection])
    return lanes


def summary(evidence: StoredEvidence, samples: Sequence[Sample]) -> str:
    """Return a description of the picture."""
    begin, end = window(evidence)
    during = [c for c in evidence.connections if _within(c, begin, end)]
    still = sum(c.closed is None for c in during)
    return (
        f"Free at first {samples[0].free:,} bytes, at the end {samples[-1].free:,}, low water "
        f"{samples[-1].low_water:,}; {len(during)} connections, {still} of them open at the end."
    )


def _within(connection: Connection, begin: float, end: float) -> bool:
    return connection.opened <= end and (connection.closed is None or connection.closed >= begin)


def _steps(name: str, points: Sequence[tuple[float, float]]) -> str:
    """Return a step line, because nothing is known between two samples."""
    x, y = points[0]
    path = [f"M{x:.1f},{y:.1f}", *(f"H{x:.1f}V{y:.1f}" for x, y in points[1:])]
    return f'<path class="{name}" d="{"".join(path)}"/>'


def _scales(x: _Scale, y: _Scale, step: float) -> list[str]:
    parts = []
    for number in range(round((y.high - y.low) / step) + 1):
        value = y.low + number * step
        parts.append(
            f'<line x1="{LEFT}" y1="{y(value):.1f}" x2="{WIDTH - RIGHT}" y2="{y(value):.1f}"/>'
            f'<text class="at" x="{LEFT - 8}" y="{y(value) + 4:.1f}">{value / 1000:,g} kB</text>'
        )
    pause = tick(x.high - x.low)
    number = int(-(-x.low // pause))
    while number * pause <= x.high:
        at = x(number * pause)
        label = duration(round(number * pause, 6))
        parts.append(f'<text class="tick" x="{at:.1f}" y="{TOP + HEIGHT + 16}">{label}</text>')
        number += 1
    return parts


def _marks(events: Sequence[StoredEvent], x: _Scale) -> list[str]:
    parts: list[str] = []
    last: dict[str, float] = {}
    row_ends = [0.0, 0.0]
    for event in events:
        title = MARKS.get(event.name)
        if title is None or not x.low <= event.at <= x.high:
            continue
        at = x(event.at)
        if at - last.get(title, -NEAR) < NEAR:
            continue
        last[title] = at
        tooltip = _tooltip(event)
        parts.append(
            f'<line class="mark {event.name}" x1="{at:.1f}" y1="{TOP - 4}" x2="{at:.1f}" '
            f'y2="{TOP + HEIGHT}"><title>{escape(tooltip)}, {event.at:.3f} s</title></line>'
        )
        wide = 7.0 * len(title) + 6
        start = min(at, WIDTH - wide)
        # Two rows, because marks are often close; a label that fits in neither has a tooltip.
        row = next((row for row in (0, 1) if row_ends[row] <= start), None)
        if row is not None:
            row_ends[row] = start + wide
            parts.append(
                f'<text class="name {event.name}" x="{start:.1f}" y="{TOP - 7 - 13 * row}">'
                f"{escape(title)}</text>"
            )
    return parts


def _tooltip(event: StoredEvent) -> str:
    detail = {name: value for name, value in event.detail.items() if name not in ("us", "nodeid")}
    words = ", ".join(f"{name} {value}" for name, value in detail.items())
    return f"{event.name.replace('_', ' ')}{f': {words}' if words else ''}"


def _legend(schemes: Sequence[str]) -> list[str]:
    parts, at = [], LEFT
    for name, title in (("free", "free"), ("low", "low water")):
        parts.append(
            f'<line class="{name}" x1="{at}" y1="10" x2="{at + 14}" y2="10"/>'
            f'<text class="name" x="{at + 20}" y="14">{title}</text>'
        )
        at += 44 + 6 * len(title)
    for scheme in schemes:
        parts.append(
            f'<rect class="{scheme}" x="{at}" y="5" width="14" height="9" rx="2"/>'
            f'<text class="name" x="{at + 20}" y="14">{scheme} connection</text>'
        )
        at += 110 + 6 * len(scheme)
    return parts


def _scheme(it: Connection, ports: Mapping[int, str]) -> str:
    """Return the CSS class of a connection."""
    return "other" if it.outgoing else ports.get(it.port, "other")


def _connections(
    lanes: Sequence[Sequence[Connection]], x: _Scale, ports: Mapping[int, str]
) -> list[str]:
    parts = []
    for number, lane in enumerate(lanes):
        y = TOP + HEIGHT + AXIS + LANE * number
        for it in lane:
            begin, end = x(it.opened), x(x.high if it.closed is None else it.closed)
            scheme = _scheme(it, ports)
            open_ = "" if it.closed is not None else " open"
            parts.append(
                f'<rect class="{scheme}{open_}" x="{begin:.1f}" y="{y}" '
                f'width="{max(end - begin, 2.0):.1f}" height="{LANE - 3}" rx="2">'
                f"<title>{escape(describe(it, ports))}</title></rect>"
            )
            if end - begin > 60:
                parts.append(
                    f'<text class="inside" x="{begin + 5:.1f}" y="{y + LANE - 5}">{scheme}</text>'
                )
    return parts


def describe(it: Connection, ports: Mapping[int, str]) -> str:
    """Return a description of a connection."""
    name = f"to port {it.port}" if it.outgoing else ports.get(it.port, f"port {it.port}")
    opened = f"{name}, client's port {it.client}, opened at {it.opened:.3f} s"
    if it.closed is None:
        return f"{opened}, still open"
    how = "reset" if it.reset else "closed"
    return f"{opened}, {how} by the {it.ended_by} at {it.closed:.3f} s"
