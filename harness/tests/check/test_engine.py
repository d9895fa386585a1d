# SPDX-License-Identifier: MIT
"""The engine: each outcome, and a device that is well after each check, whatever it did."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from espbench.boards.board import Board
from espbench.certs import recipes
from espbench.check.check import Check, CheckFailed, NotApplicable, Observation
from espbench.check.engine import Engine, boot_failure
from espbench.check.families.boot import comes_up
from espbench.check.plan import Item
from espbench.check.result import Figure, Outcome, Result, Severity
from espbench.check.subject import Subject
from espbench.check.target.discovery import FORWARDS
from espbench.check.target.dut import Dut
from espbench.check.target.firmware import Firmware
from espbench.clients import ClientTimeout, Endpoint
from espbench.device.device import Device
from espbench.errors import NotReady
from espbench.util.timeouts import Deadline

Function = Callable[..., Observation | None]

REQUEST = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.fixture(autouse=True)
def quiet_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no check be repeated because the tests' machine has much to do."""
    monkeypatch.setattr(os, "getloadavg", lambda: (0.0, 0.0, 0.0))


@pytest.fixture(scope="module")
def dut(board: Board, firmware: Path) -> Iterator[Dut]:
    """Return espbench's own firmware as a device under test."""
    made = Dut(Firmware(board, firmware, files=dict(recipes()["p256"].on_device())))
    try:
        yield made
    finally:
        made.close()


@pytest.fixture
def saved() -> list[str]:
    """Return the names under which evidence was saved."""
    return []


@pytest.fixture
def run(dut: Dut, saved: list[str]) -> Callable[..., Result]:
    """Return a function that runs a check of a function."""

    engines: list[Engine] = []

    def run_one(
        function: Function,
        *,
        case: str = "",
        severity: Severity = Severity.CONFORMANCE,
        **more: Any,
    ) -> Result:
        check = Check("http.it", "It works.", "RFC 1", severity, "http", function, **more)
        server = next(each for each in dut.servers if not each.tls)

        def save(_device: Device, name: str) -> Path:
            saved.append(name)
            return Path(name)

        def save_other(_device: Device, name: str) -> Path:
            saved.append(f"further {name}")
            return Path(name)

        dut.save = save_other
        if not engines:
            engines.append(Engine(dut, save))
        return engines[0].run(Item(check, server, case=case))

    return run_one


def test_passed(run: Callable[..., Result], saved: list[str]) -> None:
    """A check that returns passes; it can say something and measure."""
    assert run(lambda subject: subject.endpoint.get("/").status and None).outcome is Outcome.PASSED
    seen = run(lambda _: Observation("Fast.", [Figure("http.x", "speed", 3)]))
    assert seen.outcome is Outcome.OBSERVED
    assert seen.sentence == "Fast."
    assert seen.figures == (Figure("http.x", "speed", 3, source="http.it"),)
    assert saved == []


def test_failed(run: Callable[..., Result], saved: list[str]) -> None:
    """A failure has its sentence and its severity; a client's error is one, too."""

    def fails(_: Subject) -> None:
        raise CheckFailed("It said 200.", Severity.SECURITY)

    failed = run(fails)
    assert failed.outcome is Outcome.FAILED
    assert failed.severity is Severity.SECURITY
    assert [each.sentence for each in failed.findings] == ["It said 200."]
    assert saved == ["http.it"]
    assert failed.evidence == (Path("http.it"),)

    def waits(subject: Subject) -> None:
        Endpoint(subject.endpoint.port, timeout=0.2).raw().receive()

    failed = run(waits)
    assert "did not send anything more" in failed.findings[0].sentence
    assert failed.severity is Severity.CONFORMANCE


LONG = (
    "check did not answer https on port 443 within 60 s (if it just needs more time: "
    "--ready-timeout); its console ended with:\nI (31985) example: Starting server"
)


def test_a_boot_in_one_sentence() -> None:
    """A boot that fails is one sentence about the device, without the console that it quotes."""
    (finding,) = boot_failure(NotReady(LONG), None, 1.0).findings
    assert finding.sentence == (
        "The device did not answer https on port 443 within 60 s (if it just needs more time: "
        "--ready-timeout)."
    )


def test_an_error_in_one_sentence(run: Callable[..., Result]) -> None:
    """So is an error of the device during a check."""

    def fails(_: Subject) -> None:
        raise NotReady(LONG)

    assert (
        run(fails).findings[0].sentence.endswith("(if it just needs more time: --ready-timeout).")
    )


def test_ports_of_the_guest(run: Callable[..., Result]) -> None:
    """Sentences name the guest's ports; those of the host are other ones in each run."""
    failed = run(lambda subject: Endpoint(subject.endpoint.port, timeout=0.2).raw().receive())
    assert failed.findings[0].sentence.startswith("Port 80 did not send anything more"), failed
    seen = run(lambda it: Observation(f"It asks 127.0.0.1:{it.endpoint.port} and 127.0.0.1:1."))
    assert seen.sentence == "It asks port 80 and 127.0.0.1:1."


def test_errors_that_the_check_provokes(run: Callable[..., Result]) -> None:
    """What the firmware logs while a check provokes errors is not shown as the finding's."""

    def fails(subject: Subject) -> None:
        subject.device.eval("print('E (1) tls: a client left')")
        subject.device.wait_for_text("tls: a client left", Deadline(10))
        raise CheckFailed("It said 200.")

    assert run(fails).findings[0].console == ["E tls: a client left"]
    assert run(fails, provokes=True).findings[0].console == []


def test_not_applicable(run: Callable[..., Result]) -> None:
    """What a device lacks is the reason."""

    def lacks(_: Subject) -> None:
        raise NotApplicable("It has no door.")

    result = run(lacks)
    assert (result.outcome, result.sentence) == (Outcome.NOT_APPLICABLE, "It has no door.")


def test_error(run: Callable[..., Result]) -> None:
    """An exception that no device can cause is espbench's own fault, not the device's."""

    def broken(_: Subject) -> None:
        raise ValueError("oops")

    result = run(broken)
    assert result.outcome is Outcome.ERROR
    assert result.sentence.startswith("espbench failed with ValueError: oops (test_engine.py:")


def test_cases(run: Callable[..., Result]) -> None:
    """Each case is tried, also after one that failed; a single one can be chosen."""
    tried: list[int] = []

    def odd(_: Subject, value: int) -> None:
        tried.append(value)
        if value % 2:
            raise CheckFailed(f"{value} is odd.")

    cases = {"one": 1, "two": 2, "three": 3}
    result = run(odd, cases=cases)
    assert [(each.case, each.sentence) for each in result.findings] == [
        ("one", "1 is odd."),
        ("three", "3 is odd."),
    ]
    assert (result.cases, result.untried) == (3, ())
    only = run(odd, cases=cases, case="two")
    assert (only.outcome, only.untried) == (Outcome.PASSED, ("one", "three"))
    assert tried == [1, 2, 3, 2]


def test_panic(run: Callable[..., Result], dut: Dut) -> None:
    """A panic is found even if the check itself is content, and the next one has a new device."""
    before = dut.device()

    def panics(subject: Subject) -> None:
        subject.device.control.request("panic", timeout=0.1)

    result = run(panics)
    assert result.severity is Severity.ROBUSTNESS
    assert result.findings[-1].sentence.startswith("It panicked: ")
    assert dut.device() is not before
    assert run(lambda subject: subject.endpoint.get("/") and None).outcome is Outcome.PASSED


def test_restart(run: Callable[..., Result]) -> None:
    """A restart is found, and one that the check itself asks for is none of the device's."""

    def restarts(subject: Subject) -> None:
        subject.device.reset()

    result = run(restarts)
    assert [each.sentence[:12] for each in result.findings] == ["It restarted"]

    def asks(subject: Subject) -> None:
        subject.device.reset()
        subject.accept_restarts()

    assert run(asks).outcome is Outcome.PASSED


def test_hang(run: Callable[..., Result], dut: Dut, monkeypatch: pytest.MonkeyPatch) -> None:
    """A device that answers no more is replaced."""
    from espbench.check.diagnosis import health

    monkeypatch.setattr(health, "PATIENCE", 0.5)
    monkeypatch.setattr(health, "RECOVERY", 0.5)
    before = dut.device()
    result = run(lambda subject: subject.device.pause())
    assert "no longer answered." in result.findings[0].sentence
    assert "http on port 80 and https on port 443" in result.findings[0].sentence
    assert dut.device() is not before


def test_no_recovery(run: Callable[..., Result], monkeypatch: pytest.MonkeyPatch) -> None:
    """Servers that did not recover after two checks get no more time for it after others."""
    from espbench.check.diagnosis import health

    monkeypatch.setattr(health, "PATIENCE", 0.5)
    monkeypatch.setattr(health, "RECOVERY", 0.5)
    results = [run(lambda subject: subject.device.pause()) for _ in range(3)]
    texts = [result.findings[0].sentence for result in results]
    assert ["no longer answered." in text for text in texts] == [True, True, False]
    assert "espbench waited no longer, as earlier checks had shown no recovery." in texts[2]


def test_evidence_of_cases(run: Callable[..., Result], saved: list[str]) -> None:
    """Evidence is renewed when its device fails again, and there is more for another device."""

    def fails(subject: Subject, case: str) -> None:
        if case != "good":
            if case == "fatal":
                subject.device.stop()
            raise CheckFailed(f"Wrong {case}.")

    cases = {name: name for name in ("first", "good", "second", "fatal", "third")}
    failed = run(fails, cases=cases)
    assert len(failed.findings) >= 4
    assert saved == ["http.it", "http.it", "http.it:third"]
    assert failed.evidence == (Path("http.it"), Path("http.it:third"))


def test_checks_on_the_timeline(run: Callable[..., Result], dut: Dut) -> None:
    """The events of a device say which check began when."""
    run(lambda _subject, _case: None, cases={"a": 1, "b": 2})
    begun = [event.detail for event in dut.device().timeline if event.name == "check"]
    assert begun[-2:] == [{"id": "http.it", "case": "a"}, {"id": "http.it", "case": "b"}]


def dropping(failures: int, kept: list[Device]) -> Function:
    """Return a check that fails a number of times, while the emulated Ethernet drops frames."""

    def drops(subject: Subject) -> Observation:
        kept.append(subject.device)
        if len(kept) <= failures:
            line = "W (1) opencores.emac: emac_opencores_isr_handler: RX frame dropped (0x14)"
            subject.device.exec(f"print({line!r})")
            raise CheckFailed("No answer.")
        return Observation("Fast.")

    return drops


def test_lost_packets(run: Callable[..., Result], saved: list[str]) -> None:
    """A check that fails while packets are lost is repeated on a fresh device, and says so."""
    devices: list[Device] = []
    result = run(dropping(2, devices))
    assert result.outcome is Outcome.OBSERVED
    assert result.sentence == (
        "Fast. The check failed while the emulated Ethernet dropped frames, and passed when "
        "repeated. The failure was: No answer."
    )
    assert len(set(map(id, devices))) == 3
    assert result.evidence == ()


def test_lost_packets_each_time(run: Callable[..., Result]) -> None:
    """A check that fails each time fails, with the trait."""
    devices: list[Device] = []
    result = run(dropping(9, devices))
    assert len(devices) == 3
    (finding,) = result.findings
    assert finding.sentence == "No answer."
    assert "CONFIG_ETH_OPENETH_DMA_RX_BUFFER_NUM" in finding.traits[0]


@pytest.mark.parametrize("load", [1.0, 99.0])
@pytest.mark.parametrize(
    "said",
    [
        "Port 80 did not send anything more within 10 s.",
        "While one client waits, no other client was served within 5 s.",
        "While a client sends its head byte by byte, nobody else is served for 4 s.",
    ],
)
def test_time_out_on_a_busy_machine(
    said: str, load: float, run: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A check that got no answer is repeated on a fresh device if the machine is overloaded."""
    monkeypatch.setattr(os, "getloadavg", lambda: (load, load, load))
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    times: list[int] = []

    def late(_: Subject) -> None:
        times.append(1)
        if len(times) == 1:
            raise ClientTimeout(said)

    result = run(late)
    if load == 1.0:
        assert (result.outcome, len(times)) == (Outcome.FAILED, 1)
    else:
        assert (result.outcome, len(times)) == (Outcome.OBSERVED, 2)
        assert "while this machine was overloaded (load 99 on 2 cores)" in result.sentence


def test_no_answer_is_no_security_fault(run: Callable[..., Result]) -> None:
    """A check of security that gets no answer has found that the device stopped serving."""

    def silent(_: Subject) -> None:
        raise ClientTimeout("Port 80 did not send anything more within 10 s.")

    (finding,) = run(silent, severity=Severity.SECURITY).findings
    assert finding.severity is Severity.ROBUSTNESS


def test_lost_packets_for_long(run: Callable[..., Result], monkeypatch: pytest.MonkeyPatch) -> None:
    """A check that fails after a long time is repeated once."""
    from espbench.check import engine

    monkeypatch.setattr(engine, "REPEAT_WITHIN", 0.0)
    devices: list[Device] = []
    assert run(dropping(2, devices)).outcome is Outcome.FAILED
    assert len(devices) == 2


def test_connection_of_an_earlier_check(
    run: Callable[..., Result], dut: Dut, saved: list[str]
) -> None:
    """A device with a connection that an earlier check left is replaced, and nobody blamed."""
    devices = [dut.device()]
    plain = next(server for server in dut.servers if not server.tls)

    def measures(subject: Subject) -> None:
        devices.append(subject.device)
        subject.device.memory.at_rest(0.5)

    with Endpoint(devices[0].port(plain.port)).raw() as left_open:
        left_open.send(REQUEST)
        left_open.receive()
        result = run(measures)
    assert result.outcome is Outcome.PASSED, result
    assert devices[1] is devices[0]
    assert devices[2] is not devices[0]
    assert len(devices) == 3
    assert result.evidence == ()


def test_device_that_never_rests(run: Callable[..., Result]) -> None:
    """A device that does not come to rest even when it was just booted fails the check."""
    devices = []

    def measures(subject: Subject) -> None:
        devices.append(subject.device)
        with subject.endpoint.raw() as left_open:
            left_open.send(REQUEST)
            left_open.receive()
            subject.device.memory.at_rest(0.5)

    result = run(measures)
    assert "did not come to rest" in result.findings[0].sentence
    assert len(devices) == 2
    assert devices[0] is not devices[1]


def test_late(run: Callable[..., Result], dut: Dut, monkeypatch: pytest.MonkeyPatch) -> None:
    """A device that recovers late is a finding, and is used again."""
    from espbench.check.diagnosis import health

    monkeypatch.setattr(health, "PATIENCE", 0.5)
    before = dut.device()

    def pauses(subject: Subject) -> None:
        subject.device.pause()
        threading.Timer(2.0, subject.device.resume).start()

    result = run(pauses)
    assert "Afterwards, http on port 80 and https on port 443 did not answer for" in (
        result.findings[0].sentence
    )
    assert dut.device() is before


@pytest.mark.parametrize("again", [1, 9], ids=["once", "always"])
def test_too_little_heap(
    again: int, run: Callable[..., Result], dut: Dut, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A device without heap is replaced for a repeat; on a fresh one, the check is to blame."""
    from espbench.check.diagnosis import health

    monkeypatch.setattr(health, "PATIENCE", 0.3)
    monkeypatch.setattr(health, "RECOVERY", 0.3)
    monkeypatch.setattr(health, "shortage", lambda *_: "Only 9 B of heap were left.")
    devices: list[Device] = []

    def starves(subject: Subject) -> None:
        devices.append(subject.device)
        if len(devices) <= again:
            subject.device.pause()

    dut.device()
    result = run(starves)
    assert len(devices) == 2
    assert devices[0] is not devices[1]
    if again == 1:
        assert result.outcome is Outcome.OBSERVED
        assert "failed while too little heap was left, and passed when repeated" in result.sentence
    else:
        assert "no longer answered. Only 9 B of heap were left." in result.findings[0].sentence


def test_limit(run: Callable[..., Result], dut: Dut) -> None:
    """A check that does not end is ended with its device, and says so."""
    before = dut.device()

    def waits(subject: Subject) -> None:
        Endpoint(subject.endpoint.port, timeout=100).raw().receive()

    result = run(waits, limit=0.5)
    assert result.findings[0].sentence.startswith("The check did not end within 0.5 s.")
    assert result.findings[0].severity is Severity.ROBUSTNESS
    assert dut.device() is not before


def test_fresh_and_spoiled(run: Callable[..., Result], dut: Dut) -> None:
    """A check can ask for a fresh device, and say that it leaves a useless one."""
    seen = [dut.device()]

    def looks(subject: Subject) -> None:
        seen.append(subject.device)

    run(looks)
    run(looks, fresh=True)
    run(looks, spoils=True)
    run(looks)
    assert seen[0] is seen[1]
    assert seen[1] is not seen[2]
    assert seen[2] is seen[3]
    assert seen[3] is not seen[4]


def test_unwell_cases(run: Callable[..., Result]) -> None:
    """After three cases that left the device unwell, a check does not try the others."""
    tried: list[int] = []

    def odd_ones_restart(subject: Subject, value: int) -> None:
        tried.append(value)
        if value % 2:
            subject.device.reset()

    result = run(odd_ones_restart, cases={str(n): n for n in range(9)})
    assert tried == [0, 1, 2, 3, 4, 5]
    assert [each.case for each in result.findings] == ["1", "3", "5"]
    assert result.cases == 6
    assert result.sentence == "3 cases left the device unhealthy, so 3 more were not tried."


def test_other_files(run: Callable[..., Result], dut: Dut) -> None:
    """A check can boot one more device with other files, beside the one that it was given."""
    seen = []

    def boots(subject: Subject) -> None:
        files = {**subject.booter.files, "/main.py": "print('another program')"}
        with subject.booter.booted(files) as other:
            other.device.console.expect("another program")
            assert subject.answers()
            seen.append(other.device)

    assert run(boots).outcome is Outcome.PASSED
    assert seen[0] is not dut.device()
    assert not seen[0].running


def test_other_image(run: Callable[..., Result], dut: Dut) -> None:
    """A check can boot one more device with another image, which is removed afterwards."""
    seen = []

    def boots(subject: Subject) -> None:
        image = dut.firmware.image.read_bytes() + b"changed"
        files = {"/main.py": "print('another image')"}
        with subject.booter.booted(files, image) as other:
            other.device.console.expect("another image")
            seen.append(other.device.firmware)
            assert other.device.firmware.read_bytes() == image
            assert other.device.elf == other.device.firmware, "it has its own symbols"

    assert run(boots).outcome is Outcome.PASSED
    assert seen != [dut.firmware.image]
    assert not seen[0].exists()


def test_failure_of_another_device(run: Callable[..., Result], saved: list[str]) -> None:
    """A failure of one more device has that device's console lines and its evidence."""

    def boots(subject: Subject) -> None:
        files = {**subject.booter.files, "/main.py": "print('E (1) tls: no certificate')"}
        with subject.booter.booted(files) as other:
            other.device.console.expect("no certificate")
            raise CheckFailed("It has no certificate.")

    (finding,) = run(boots).findings
    assert finding.console == ["E tls: no certificate"]
    assert saved == ["further http.it"]


def test_no_booter(dut: Dut) -> None:
    """Where no other device can be booted, a check that needs one is not applicable."""
    with pytest.raises(NotApplicable, match="No other device"):
        _ = Subject(dut.device(), dut.servers).booter


def test_forwards(dut: Dut) -> None:
    """Each server has as many forwarded ports as clients that checks open at once."""
    assert [len(dut.device().ports(each.port)) for each in dut.servers] == [FORWARDS, FORWARDS]


def test_listens_on_nothing(dut: Dut) -> None:
    """A firmware that can be looked into, and listens on nothing, fails the check of its boot."""
    with pytest.raises(CheckFailed, match=r"It boots, but listens on no port\. QEMU emulates no"):
        comes_up(Subject(dut.device(fresh=True), ()))
