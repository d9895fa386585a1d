# SPDX-License-Identifier: MIT
"""`Engine`: runs checks on a device, each on one that is well, and says what each left behind."""

from __future__ import annotations

import re
import shutil
import threading
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from espbench.check.check import CheckFailed, NotApplicable, Observation
from espbench.check.diagnosis.console_lines import complaints, tracebacks
from espbench.check.diagnosis.health import Mark, examine
from espbench.check.diagnosis.libraries import libraries_in
from espbench.check.diagnosis.processor import busiest
from espbench.check.diagnosis.traits import dropped_frames, traits_of
from espbench.check.families import all_checks
from espbench.check.overload import overload
from espbench.check.plan import Item
from espbench.check.result import Figure, Finding, Outcome, Result, Severity
from espbench.check.subject import Subject
from espbench.check.target.dut import BOOT, ENDED, NAME, Dut, Save
from espbench.clients.errors import ClientError
from espbench.device.device import Device
from espbench.errors import (
    DeviceError,
    InspectError,
    MemoryLeaked,
    NotInspectable,
    Panicked,
    QemuDied,
    QemuError,
)
from espbench.util.listing import counted, uncapitalized
from espbench.util.timeouts import Deadline

__all__ = ["GRACE", "Engine", "boot_failure"]

CONSOLE = "; its console"
"""How the end of a device's error begins, which shows its console."""
MOST_FAILED_BOOTS = 2
"""Boots that fail in a row before nothing more is tried."""

MOST_UNWELL = 3
"""Cases that may leave the device unwell; the other cases of the check do not run."""
MOST_RECOVERIES = 2
"""Checks after which the same servers may fail to recover before they get no more time for it."""

MOST_REPEATS = 2
"""Repeats of a case that failed while the emulated network lost packets."""
REPEAT_WITHIN = 40.0
"""Seconds (before scaling) since a case began in which it may be repeated more than once: a server
that serves nobody for so long has failed, and its full queues make the network lose packets, too.
"""

FRAMES = "the emulated Ethernet dropped frames"
STARVED = "too little heap was left"
"""Of memory that earlier checks cost; on a fresh device, a check is to blame itself."""
_LATE = re.compile(
    r"did not (?:send|answer)|no answer|not answered|not served|no response|"
    r"(?:nobody else|no other client|no GET|no WebSocket) (?:is|was|were|opens|opened|could)"
)
"""What a finding by a time-out says."""

LOOK = 0.2
"""Seconds between two looks at whether a run was interrupted."""
GRACE = 20.0
"""Seconds (before scaling) for a check to end once its device is gone."""


class _Attempt:
    """One call of a check's function, in a thread, so that it cannot hold up the others."""

    def __init__(self, item: Item, subject: Subject, case: str) -> None:
        self._item, self._subject, self._case = item, subject, case
        self.observation: Observation | None = None
        self.error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name=f"check {item.id}", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            seen = self._item.check.run(self._subject, self._case)
            if seen is not None:
                self.observation = replace(seen, sentence=self._subject.worded(seen.sentence))
        except BaseException as error:  # noqa: BLE001 (the engine's thread looks at it)
            self.error = error

    def ended(self, deadline: Deadline, given_up: Callable[[], bool]) -> bool:
        """Return whether it ended before the deadline, and before nobody wanted to know any more.

        Args:
            deadline: until when to wait.
            given_up: returns whether its result does not matter, as the run was interrupted.
        """
        while self._thread.is_alive() and not (deadline.expired() or given_up()):
            self._thread.join(min(LOOK, deadline.remaining()))
        return not self._thread.is_alive()


@dataclass(frozen=True)
class _CaseResult:
    """How one case ended.

    Attributes:
        findings: what is wrong.
        observation: what the check saw.
        reason: why it is not applicable.
        broken: what espbench itself did wrong.
        unwell: whether the device was not well afterwards.
        excuse: what may be all that was wrong, such as an emulated network that lost packets.
        unsettled: whether the device was not at rest before the check began with its clients.
    """

    findings: Sequence[Finding] = ()
    observation: Observation | None = None
    reason: str = ""
    broken: str = ""
    unwell: bool = False
    excuse: str = ""
    unsettled: bool = False


class _NoBoot(Exception):
    """The device does not boot."""

    def __init__(self, error: DeviceError | QemuError) -> None:
        super().__init__(str(error))
        self.error = error


def _severity(error: BaseException, item: Item) -> Severity:
    """Return how bad an error is: no answer is not a security fault, whatever was asked."""
    severity: Severity | None = getattr(error, "severity", None)
    severity = severity or item.check.severity
    silent = isinstance(error, ClientError) and severity is Severity.SECURITY
    return Severity.ROBUSTNESS if silent else severity


def _passed_later(first: _CaseResult, case: str) -> str:
    """Return a sentence about a case that failed once, when it had an excuse."""
    what = f"The case {case!r}" if case else "The check"
    return (
        f"{what} failed while {first.excuse}, and passed when repeated. The failure was: "
        f"{first.findings[0].sentence}"
    )


def _own_fault(error: BaseException | None) -> str:
    """Return a sentence about an exception that no device can cause; "" for all others."""
    if error is None or isinstance(error, CheckFailed | ClientError | QemuDied):
        return ""
    if isinstance(error, DeviceError) and not isinstance(error, InspectError):
        return ""
    where = traceback.extract_tb(error.__traceback__)[-1]
    what = f"{type(error).__name__}: {error} ({Path(where.filename).name}:{where.lineno})"
    return f"espbench failed with {what}: please report this."


def _sentence(error: BaseException) -> str:
    """Return an error in one sentence, without the console that it quotes."""
    text = str(error).partition(CONSOLE)[0].partition("\n")[0].rstrip()
    if text.startswith(f"{NAME} "):
        text = f"The device{text.removeprefix(NAME)}"
    return text if text.endswith((".", "!", "?")) else f"{text}."


def boot_failure(error: Exception, evidence: Path | None, seconds: float) -> Result:
    """Return the result of a firmware that does not boot."""
    check = next(each for each in all_checks() if each.name == BOOT)
    console = str(error).partition(CONSOLE)[2]
    finding = Finding(_sentence(error), check.severity, console=complaints(console))
    return Result(
        check.name,
        check.name,
        check.title,
        check.source,
        Outcome.FAILED,
        findings=(finding,),
        seconds=seconds,
        cases=1,
        evidence=() if evidence is None else (evidence,),
    )


class Engine:
    """Runs items one after the other on one `Dut`."""

    def __init__(self, dut: Dut, save: Save | None = None) -> None:
        """Prepare.

        Args:
            dut: the device under test.
            save: saves evidence; None: there is none.
        """
        self._dut = dut
        self._save = save
        self._failed_boots = 0
        self._gone: Counter[str] = Counter()
        self._saved: set[Path] = set()
        self._evidence: tuple[Path, ...] = ()
        self._kept: tuple[Device, str] | None = None  # the last device with evidence, and its name
        self._outdated = False  # whether that device has failed again since

    def run(self, item: Item) -> Result:
        """Run one check with all of its cases, and leave a device that is well.

        Evidence of what was repeated and is not a failure any more does not remain.
        """
        self._saved = set()
        self._evidence, self._kept, self._outdated = (), None, False
        result = self._run(item)
        self._drop(self._saved - {*result.evidence})
        return result

    def drop_evidence(self) -> None:
        """Remove the evidence of the last check, whose result does not count."""
        self._drop(self._saved)

    @staticmethod
    def _drop(folders: Iterable[Path]) -> None:
        for folder in folders:
            shutil.rmtree(folder, ignore_errors=True)

    def _run(self, item: Item) -> Result:
        began = time.monotonic()
        if self._failed_boots >= MOST_FAILED_BOOTS:
            sentence = f"Not run: the device failed to boot {self._failed_boots} times in a row."
            return self._result(item, Outcome.ERROR, sentence, began)
        if item.reason:
            return self._result(item, Outcome.NOT_APPLICABLE, item.reason, began)
        findings: list[Finding] = []
        sentences: list[str] = []
        figures: list[Figure] = []
        skipped: list[str] = []
        unwell = 0
        cases = list(item.check.cases) or [""]
        if item.case:
            cases = [item.case]
        for number, case in enumerate(cases):
            last = number == len(cases) - 1
            try:
                one = self._run_case(item, case, last=last, fresh=item.check.fresh and number == 0)
            except _NoBoot as failure:
                error = failure.error
                self._failed_boots += 1
                if item.check.name == BOOT:
                    return boot_failure(error, self._dut.evidence, time.monotonic() - began)
                sentence = f"The device did not boot: {uncapitalized(_sentence(error))}"
                return self._result(item, Outcome.ERROR, sentence, began)
            if one.broken:
                return self._result(item, Outcome.ERROR, one.broken, began)
            findings += one.findings
            if one.reason:
                skipped.append(one.reason)
            if one.observation is not None:
                figures += one.observation.figures
                if one.observation.sentence:
                    sentences.append(one.observation.sentence)
            unwell += one.unwell
            if unwell >= MOST_UNWELL and not last:
                left = len(cases) - 1 - number
                sentences.append(
                    f"{counted(unwell, 'case')} left the device unhealthy, so {left} more "
                    f"{'was' if left == 1 else 'were'} not tried."
                )
                cases = cases[: number + 1]
                break
        self._renew_evidence()
        if findings:
            outcome = Outcome.FAILED
        elif len(skipped) == len(cases):
            return self._result(item, Outcome.NOT_APPLICABLE, skipped[0], began)
        else:
            outcome = Outcome.OBSERVED if sentences or figures else Outcome.PASSED
        sentence = " ".join(dict.fromkeys(sentences))
        result = self._result(
            item, outcome, sentence, began, findings, figures, len(cases) - len(skipped)
        )
        return replace(result, untried=tuple(c for c in item.check.cases if c not in cases))

    def _subject(self, item: Item, *, fresh: bool) -> Subject:
        if fresh or not self._dut.running:
            self._renew_evidence()
        try:
            device = self._dut.device(fresh=fresh)
        except (DeviceError, QemuError) as error:
            raise _NoBoot(error) from None
        self._failed_boots = 0
        return Subject(
            device,
            self._dut.servers,
            item.server,
            item.websocket,
            self._dut.firmware.profile,
            self._dut,
        )

    def _run_case(self, item: Item, case: str, *, last: bool, fresh: bool) -> _CaseResult:
        """Run the check, or one of its cases; repeat it where something else may have failed it.

        That is an earlier check that left a connection open, an emulated network that lost packets,
        or a time-out on a machine with too much to do.
        """
        evidence = self._evidence
        subject = self._subject(item, fresh=fresh)
        time_left = Deadline(REPEAT_WITHIN)
        one = self._try_case(item, subject, case, last=last)
        if one.unsettled and not fresh:
            self._evidence = evidence
            one = self._try_case(item, self._subject(item, fresh=True), case, last=last)
        for number in range(MOST_REPEATS):
            # Once is always worth it: a lost RST alone lets a server wait for its client for ever.
            if not one.excuse or (number and time_left.expired()):
                break
            if one.excuse == STARVED and (fresh or number):
                break
            first = one
            one = self._try_case(item, self._subject(item, fresh=True), case, last=last)
            if not (one.findings or one.broken or one.reason):
                self._evidence = evidence
                seen = one.observation or Observation()
                sentence = f"{seen.sentence} {_passed_later(first, case)}".strip()
                return replace(one, observation=replace(seen, sentence=sentence))
        return one

    def _try_case(self, item: Item, subject: Subject, case: str, *, last: bool) -> _CaseResult:
        """Run the check, or one of its cases, and look at the device afterwards."""
        device = subject.device
        device.timeline.add("check", id=item.id, case=case)
        self._dut.checked = self._evidence_name(item, case)
        printed = subject.state.printed
        attempt = _Attempt(item, subject, case)
        limit = Deadline(item.check.limit)
        wrong: list[tuple[str, Severity]] = []
        ended = attempt.ended(limit, lambda: self._dut.ended)
        if self._dut.ended:
            return _CaseResult(broken=ENDED)
        if ended:
            done = len(device.console.text)
            if isinstance(attempt.error, NotApplicable | NotInspectable):
                return _CaseResult(reason=subject.worded(str(attempt.error)))
            error = attempt.error
            broken = _own_fault(error)
            gone = [name for name, times in self._gone.items() if times >= MOST_RECOVERIES]
            mark = examine(subject, ask=not broken and (last or error is not None), gone=gone)
            # A guest that panics or restarts also ends a look into it.
            if broken and mark is None:
                self._dut.close()
                return _CaseResult(broken=broken)
            if error is not None and not (isinstance(error, Panicked) and mark is not None):
                wrong.append((subject.worded(_sentence(error)), _severity(error, item)))
        else:
            done = printed
            who = busiest(device)
            wrong.append((f"The check did not end within {limit}. {who}", Severity.ROBUSTNESS))
            mark = examine(subject, ask=False) or Mark("")
            self._keep(item, case, device)
            device.stop()  # every client ends with its connection
            if not attempt.ended(Deadline(GRACE), lambda: False):
                return _CaseResult(
                    broken="The check did not end even without its device: please report this."
                )
        if mark is not None and mark.silent and not mark.recovered:
            self._gone[mark.silent] += 1
        if mark is not None and mark.sentence:
            wrong.append((mark.sentence, mark.severity))
        further: str | None = None  # the console of a further device
        if isinstance(attempt.error, CheckFailed):
            further = attempt.error.console
            if attempt.error.evidence is not None:
                self._add_evidence(attempt.error.evidence)
        if wrong and further is None:
            self._keep(item, case, device)
        lines = complaints(device.console.text[printed:]) if wrong else []
        shown = lines
        if further is not None:
            shown = complaints(further)
        elif item.check.provokes and wrong:
            shown = tracebacks(device.console.text[printed:done])
            shown += complaints(device.console.text[done:])
        if (mark is not None and not mark.recovered) or item.check.spoils:
            self._renew_evidence()
            self._dut.close()
        libraries = libraries_in(self._dut.firmware.image)
        found = [
            Finding(
                text.strip(),
                severity,
                case,
                traits_of(text, item.server, lines if number == 0 else (), libraries),
                shown if number == 0 else (),
            )
            for number, (text, severity) in enumerate(wrong)
        ]
        excuse = ""
        if found and (mark is None or mark.silent):
            late = any(_LATE.search(each.sentence) for each in found)
            excuse = FRAMES if dropped_frames(lines) else overload() if late else ""
            if mark is not None and mark.starved:
                excuse = STARVED
        return _CaseResult(
            found,
            attempt.observation,
            unwell=mark is not None,
            excuse=excuse,
            # What a check's own clients leave is a `CheckFailed` of its own.
            unsettled=isinstance(attempt.error, MemoryLeaked),
        )

    def _evidence_name(self, item: Item, case: str) -> str:
        """Return the name of the next evidence: the check's, or a case's after the first."""
        return f"{item.id}:{case}" if self._evidence and case else item.id

    def _keep(self, item: Item, case: str, device: Device) -> None:
        """Save the evidence of a finding, once for each device; see `_renew_evidence`."""
        if self._save is None or self._dut.ended:
            return
        if self._kept is not None and self._kept[0] is device:
            self._outdated = True
            return
        self._kept = device, self._evidence_name(item, case)
        self._outdated = False
        self._save_kept()

    def _renew_evidence(self) -> None:
        """Save the evidence of a device again that failed in further cases, before it is gone."""
        if self._outdated and not self._dut.ended:
            self._save_kept()
        self._outdated = False

    def _save_kept(self) -> None:
        assert self._save is not None
        assert self._kept is not None
        folder = self._save(*self._kept)
        if folder is not None:
            self._add_evidence(folder)

    def _add_evidence(self, folder: Path) -> None:
        self._saved.add(folder)
        if folder not in self._evidence:
            self._evidence = (*self._evidence, folder)

    def _result(
        self,
        item: Item,
        outcome: Outcome,
        sentence: str,
        began: float,
        findings: list[Finding] | None = None,
        figures: list[Figure] | None = None,
        cases: int = 0,
    ) -> Result:
        return Result(
            item.id,
            item.check.name,
            item.check.title,
            item.check.source,
            outcome,
            sentence,
            tuple(findings or ()),
            tuple(replace(figure, source=item.id) for figure in figures or ()),
            time.monotonic() - began,
            cases,
            self._evidence if findings else (),
        )
