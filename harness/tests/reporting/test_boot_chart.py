# SPDX-License-Identifier: MIT
"""The chart of a boot has every event of the timeline on a scale, and loads nothing."""

from __future__ import annotations

import json
import re
from xml.etree import ElementTree

import pytest
from espbench.device.boot_phases import FIRST_ANSWER, BootPhase, phases_from_json, phases_of
from espbench.device.timeline import Event
from espbench.reporting.boot_chart import WIDTH, duration, picture, tick

BOOT = (
    Event(0.0, "start"),
    Event(0.01, "exec", {"pid": 7}),
    Event(0.03, "first_byte"),
    Event(0.04, "reset_cause", {"cause": "POWERON_RESET"}),
    Event(0.05, "boot", {"cause": "power_on", "us": 12}),
    Event(0.06, "net", {"ip": "10.0.2.15"}),
    Event(0.08, "listening", {"scheme": "http", "port": 80}),
    Event(0.21, "ready"),
    Event(0.2, "listening", {"scheme": "https", "port": 443}),  # added late by another thread
    Event(0.25, FIRST_ANSWER),
)


def test_phases() -> None:
    """Events become titles with a phase, in chronological order."""
    assert [(each.name, each.phase) for each in phases_of(BOOT)] == [
        ("start requested", "host"),
        ("QEMU executed", "host"),
        ("first byte on the console", "boot"),
        ("ROM banner (POWERON_RESET)", "boot"),
        ("firmware started (power_on)", "boot"),
        ("network up (10.0.2.15)", "boot"),
        ("listening (http)", "serving"),
        ("listening (https)", "serving"),
        ("ready", "serving"),
        ("first HTTPS answer", "serving"),
    ]


def test_unknown_event() -> None:
    """An unknown event keeps its name."""
    assert phases_of([Event(1.0, "sd_card")]) == (BootPhase(1.0, "sd card", "boot"),)


def test_phases_survive_json() -> None:
    """The boot in a run's file can be read for a later comparison."""
    made = phases_of(BOOT)
    assert phases_from_json(json.loads(json.dumps([each.as_json() for each in made]))) == made


@pytest.mark.parametrize("data", [
    None, {}, [1], [{"at": "1", "name": "a", "phase": "boot"}],
    [{"at": 1, "name": "a", "phase": "lunch"}],
])  # fmt: skip
def test_phases_from_something_else(data: object) -> None:
    """Data that is not a list of phases is rejected."""
    with pytest.raises(ValueError, match=r"^not a (list of phases|phase: )"):
        phases_from_json(data)


def bars(svg: str) -> list[tuple[float, float]]:
    """Return the beginning and end of each bar."""
    found = re.findall(r'x="([\d.]+)" y="\d+" width="([\d.]+)" height="12"', svg)
    return [(float(x), float(x) + float(width)) for x, width in found]


def test_picture() -> None:
    """It is XML with a bar for each phase, beginning at the previous one, within the picture."""
    svg = picture({"lx60": phases_of(BOOT)})
    ElementTree.fromstring(svg)
    drawn = bars(svg)
    assert len(drawn) == len(BOOT)
    assert drawn[-1][0] == pytest.approx(max(end for _, end in drawn[:-1]), abs=0.3)
    assert max(end for _, end in drawn) < WIDTH
    for expected in ("250.0 ms", "first HTTPS answer", ">200 ms<", 'class="board"'):
        assert expected in svg, expected
    assert "href" not in svg


def test_picture_of_two_boards() -> None:
    """Each board has its name and its own scale, regardless of a slower one."""
    slow = tuple(BootPhase(each.at * 20, each.name, each.phase) for each in phases_of(BOOT))
    svg = picture({"lx60": phases_of(BOOT), "esp32": slow})
    drawn = bars(svg)
    assert drawn[: len(BOOT)][-1] == drawn[-1]
    for expected in (">lx60<", ">esp32<", ">50 ms<", ">5 s<"):
        assert expected in svg, expected


def test_picture_escapes() -> None:
    """A name from a guest never becomes markup."""
    svg = picture({"<b>": [BootPhase(0.1, "a<b")]})
    ElementTree.fromstring(svg)
    assert "a&lt;b" in svg


def test_long_name() -> None:
    """A name that is too long is truncated, and its tooltip has the whole name."""
    name = "x" * 80
    svg = picture({"lx60": [BootPhase(0.1, name)]})
    assert f">{'x' * 35}…<" in svg
    assert f"<title>{name}: " in svg


def test_picture_of_nothing() -> None:
    """Boards without a measured boot are not drawn."""
    assert picture({}) == ""
    assert picture({"lx60": ()}) == ""
    assert "esp32" not in picture({"lx60": phases_of(BOOT), "esp32": ()})


def test_picture_of_zero_duration() -> None:
    """A boot with only its start does not divide by zero."""
    assert len(bars(picture({"lx60": [BootPhase(0.0, "start", "host")]}))) == 1


@pytest.mark.parametrize(("end", "step"), [
    (0.0, 1.0), (0.25, 0.05), (0.28, 0.1), (1.0, 0.2), (3.2, 1.0), (50.0, 10.0), (0.0009, 0.0002),
])  # fmt: skip
def test_tick(end: float, step: float) -> None:
    """A scale has round steps, at most five of them."""
    assert tick(end) == pytest.approx(step)


@pytest.mark.parametrize(("seconds", "shown"), [
    (0.0, "0 ms"), (0.05, "50 ms"), (0.30000000000000004, "300 ms"), (2.5, "2.5 s"),
])  # fmt: skip
def test_duration(seconds: float, shown: str) -> None:
    """Labels of times are short."""
    assert duration(seconds) == shown
