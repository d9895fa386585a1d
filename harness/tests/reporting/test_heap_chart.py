# SPDX-License-Identifier: MIT
"""The chart of a failed test's heap over time, with its connections and events."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest
from espbench.boards.builtin import BOARDS
from espbench.netem.connections import Connection
from espbench.reporting.evidence_reader import Sample, StoredEvent, StoredEvidence, read
from espbench.reporting.heap_chart import LANES, POINTS, bounds, packed, picture, thinned, window
from espbench.reporting.html import render
from espbench.reporting.model import Run
from espbench.reporting.progress import VARIABLE
from espbench.reporting.results import Results
from inner_pytest import failing_pytest

PORTS = {80: "http", 443: "https"}
PHASES = ["test", "ballast", "panic"]
VOID = {"meta", "br", "hr", "img", "input", "link"}


def sample(at: float, free: int, low_water: int | None = None) -> Sample:
    """Return a sample of a heap of 200 kB."""
    return Sample(at, free, free if low_water is None else low_water, 200_000)


EVIDENCE = StoredEvidence(
    [sample(0.5, 182_000), sample(1.1, 158_000, 150_000), sample(2.0, 95_000, 71_000)],
    [
        StoredEvent(0.9, "test", {"nodeid": "t.py::t"}),
        StoredEvent(1.5, "ballast", {"size": 40000}),
        StoredEvent(1.9, "panic", {"headline": "abort() <was> called"}),
    ],
    [
        Connection(443, 50001, 1.0, 1.8, "client"),
        Connection(80, 50002, 1.2, 1.3, "device", reset=True),
        Connection(443, 50003, 1.4),
    ],
)


def test_picture() -> None:
    """The picture has both lines, the marks, a bar for each connection, and a description."""
    svg = ElementTree.fromstring(picture(EVIDENCE, PORTS))
    assert svg.get("role") == "img"
    assert [child.tag for child in svg][:2] == ["title", "desc"]
    assert svg[1].text == (
        "Free at first 158,000 bytes, at the end 95,000, low water 71,000; 3 connections, 1 of "
        "them open at the end."
    )
    assert {path.get("class") for path in svg.iter("path")} == {"free", "low"}
    names = [text.text for text in svg.iter("text") if "name" in (text.get("class") or "")]
    assert [name for name in names if name in PHASES] == PHASES
    assert {"free", "low water", "http connection", "https connection"} < set(names)
    titles = [title.text for title in svg.iter("title")]
    assert "panic: headline abort() <was> called, 1.900 s" in titles
    assert (
        "https, client's port 50001, opened at 1.000 s, closed by the client at 1.800 s" in titles
    )
    assert "http, client's port 50002, opened at 1.200 s, reset by the device at 1.300 s" in titles
    assert "https, client's port 50003, opened at 1.400 s, still open" in titles


def test_steps() -> None:
    """The line drops at a lower sample, and stays there until the next sample."""
    svg = ElementTree.fromstring(picture(EVIDENCE, PORTS))
    (line,) = [path.get("d", "") for path in svg.iter("path") if path.get("class") == "free"]
    assert line.count("H") == line.count("V") == len(list(svg.iter("circle"))) - 1


@pytest.mark.parametrize("samples", [[], [sample(1.0, 5)]])
def test_no_curve(samples: list[Sample]) -> None:
    """With fewer than two samples, there is no picture."""
    assert picture(StoredEvidence(samples), PORTS) == ""


def test_window() -> None:
    """For a shared device, the last test is shown."""
    events = [StoredEvent(at, "test", {}) for at in (1.0, 10.0)]
    evidence = StoredEvidence([sample(at, 5) for at in (1.0, 5.0, 10.5, 12.0)], events)
    begin, end = window(evidence)
    assert 9.5 < begin < 10.0
    assert 12.0 < end < 12.5


def test_thinned() -> None:
    """Of very many samples, minima and maxima are kept."""
    many = [sample(number / 100, 100_000 + number % 7) for number in range(20_000)]
    many[777] = sample(7.77, 3)
    kept = thinned(many)
    assert len(kept) <= 2 * POINTS + 4
    assert many[777] in kept
    assert thinned(many[:10]) == many[:10]


def test_bounds() -> None:
    """A change of eight bytes does not fill the picture, and steps are round."""
    low, high, step = bounds([sample(0, 182_000), sample(1, 181_992)])
    assert high - low >= 20_000
    assert low % step == high % step == 0
    assert bounds([sample(0, 200_000, 0)])[0] == 0


def test_packed() -> None:
    """Connections that do not overlap share a row; excess ones are only counted."""
    one, two, three = Connection(80, 1, 0.0, 1.0), Connection(80, 2, 0.5), Connection(80, 3, 1.0)
    assert packed([three, one, two]) == [[one, three], [two]]
    crowd = [Connection(443, number, 1.0) for number in range(LANES + 5)]
    svg = picture(StoredEvidence(EVIDENCE.samples, EVIDENCE.events, crowd), PORTS)
    assert "and 5 more connections" in svg


def test_damaged_evidence(tmp_path: Path) -> None:
    """Missing or damaged parts are omitted, and the rest is read."""
    assert read(tmp_path / "none") == StoredEvidence([], [], [], [])
    (tmp_path / "heap.jsonl").write_text('{"at": 1, "free"')
    (tmp_path / "connections.json").write_text('{"port": 80}')
    (tmp_path / "tasks.json").write_text('{"tasks": [{"name": "main"}]}')
    (tmp_path / "events.json").write_text('[{"at": 1, "event": "test"}]')
    evidence = read(tmp_path)
    assert (evidence.samples, evidence.connections, evidence.tasks) == ([], [], [])
    assert [event.name for event in evidence.events] == ["test"]


class _Balance(HTMLParser):
    """Checks that every element is closed properly."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, _: object) -> None:
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, _: object) -> None:
        assert "svg" in self.open, f"<{tag}/> is not valid HTML"

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


SESSIONS = """
import pytest
from espbench.util.timeouts import Deadline
from espbench.certs import recipes
from espbench.clients import Endpoint, Tls
CERTS = recipes()["p256"]
@pytest.mark.device(files=CERTS.on_device(), forwards={443: 4})
def test_sessions(device):
    device.settle()
    streams = []
    for index in range(3):
        tls = Tls(trust=CERTS.trust, server_name=CERTS.server_name)
        stream = Endpoint(device.port(443, index), tls).http()
        assert stream.get("/hello").status == 200
        streams.append(stream)
        device.console.wait_quiet(0.15, Deadline(5))
        seen = len(device.heap_samples)
        while len(device.heap_samples) == seen:
            device.wait_for_change(0.05)
    device.ballast(30_000)
    streams[0].close()
    device.wait_for_change(0.1)
    assert 0, "on purpose"
"""


@pytest.mark.boards("lx60")
def test_failing_run(tmp_path: Path, firmware: Path) -> None:
    """A test that fails with three TLS sessions shows three steps in the report."""
    (tmp_path / "test_sessions.py").write_text(SESSIONS)
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    events = failing_pytest(
        tmp_path, VARIABLE, f"--espbench-firmware={firmware}", "test_sessions.py"
    )
    results = Results()
    for event in events:
        results.take(event)
    results.finish()
    (case,) = results.failures()
    assert case.message.startswith("AssertionError: on purpose")
    assert case.devices[0].startswith("device: heap ")
    folder = tmp_path / case.evidence[0]
    assert folder == tmp_path / "evidence" / "test_sessions-test_sessions"
    evidence = read(folder)
    https = [it for it in evidence.connections if it.port == 443 and it.opened > evidence.began]
    assert [it.closed is None for it in https] == [False, True, True]
    free = [s.free for s in evidence.samples if s.at > evidence.began]
    session = 20_000
    (ballast,) = [e.at for e in evidence.events if e.name == "ballast"]
    for number, it in enumerate(https, 1):
        until = https[number].opened if number < 3 else ballast
        during = [s.free for s in evidence.samples if it.opened < s.at < until]
        assert min(during) < free[0] - number * session, (number, evidence.samples)
    case.evidence = [str(folder)]  # it was relative to the run's folder
    page = render(Run(BOARDS["lx60"], results), tmp_path / "report.html")
    svg = ElementTree.fromstring(
        page[page.index('<svg class="heap"') :].partition("</svg>")[0] + "</svg>"
    )
    bars = [r for r in svg.iter("rect") if (r.get("class") or "").startswith("https") and len(r)]
    assert len(bars) >= 3
    checker = _Balance()
    checker.feed(page)
    checker.close()
    assert checker.open == []
    assert f'href="evidence/{folder.name}/net.pcap"' in page
    assert [task.name for task in evidence.tasks] == ["network", "main"]
    (main,) = (task for task in evidence.tasks if task.name == "main")
    assert f'<td class="n">{main.stack_low_water:,}</td><td class="n">49,152</td>' in page
