# SPDX-License-Identifier: MIT
"""Each planted fault is found by the check that is meant for it, and the good firmware passes all.

By default, only the meant checks run on each fault, and none of the family soak. With
ESPBENCH_PLANTED=1, all other families run on each, which takes an hour, and no other check may
fail but the fault's known consequences. The firmware answers within a second and gives up clients
after six, so where a fault lets time limits pass, half of each is enough.
"""

from __future__ import annotations

import fnmatch
import os
import re

import planted
import pytest
from espbench.boards.builtin import LX60
from espbench.check.diagnosis import health
from espbench.check.families import ORDER, all_checks
from espbench.check.plan import Item
from espbench.check.result import Outcome, Result, labelled
from espbench.check.run import run_checks
from espbench.check.target import discovery
from espbench.check.target.firmware import Firmware
from espbench.util.timeouts import SCALE_VARIABLE
from planted_faults import FAULTS, Fault
from wording import well_worded

ALL = "ESPBENCH_PLANTED"
"""If 1, every check runs on every fault."""

JOBS = 3
"""Devices at once for whole families, whose checks wait for most of the time."""

SLOW = {"soak"}
"""Families that take minutes on one firmware."""

TRAITS = {"tls.version_tolerance": {"client_version 3.4", "client_version 3.9"}}
"""Cases that fail on any server with Mbed TLS 3, by check: it takes client_version 3.3 alone."""

KNOWN = {each.name for each in all_checks()}
FAMILIES = [name for name in ORDER if any(each.family == name for each in all_checks())]


class Silent:
    """Progress that nobody sees."""

    def found(self, *_: object) -> None:
        """Ignore what was found."""

    def began(self, item: Item) -> None:
        """Ignore a check's start."""

    def ended(self, item: Item, result: Result) -> None:
        """Ignore its end."""


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shorten the time limits that a fault lets pass."""
    monkeypatch.setenv(SCALE_VARIABLE, "0.5")
    monkeypatch.setattr(discovery, "STABLE", 0.5)
    monkeypatch.setattr(health, "RECOVERY", 8.0)


def skip_slow(families: set[str], slow: set[str] = SLOW) -> None:
    """Skip what takes minutes, unless everything was asked for."""
    if families & slow and os.environ.get(ALL) != "1":
        pytest.skip(f"takes minutes: set {ALL}=1")


def results(name: str, only: list[str], jobs: int = 1) -> list[Result]:
    """Return what these checks say of the firmware with this fault, on so many devices at once."""
    firmware = Firmware(LX60, planted.firmware(name))
    found = run_checks(firmware, Silent(), only=only, jobs=jobs).results
    for each in found:
        for sentence in (each.sentence, *(finding.sentence for finding in each.findings)):
            well_worded(sentence)
    return found


def name_of(check: str) -> str:
    """Return the name of a check that may be followed by a port or a case."""
    return re.split("[@:]", check)[0]


def described(result: Result) -> str:
    """Return a result for the message of a failed assertion."""
    findings = [labelled(each.case, each.sentence) for each in result.findings]
    return f"{result.id} {result.outcome.value}: {' | '.join(findings) or result.sentence}"


def bad(found: list[Result]) -> list[Result]:
    """Return the results that close a gate, but for the traits of the TLS library."""
    return [
        each
        for each in found
        if each.outcome in (Outcome.FAILED, Outcome.ERROR) and not is_trait(each)
    ]


def is_trait(result: Result) -> bool:
    """Return whether a check failed in nothing but what Mbed TLS does to it."""
    cases = {each.case for each in result.findings}
    return bool(cases) and cases <= TRAITS.get(result.name, set())


def finds(fault: Fault, result: Result) -> bool:
    """Return whether the result names the fault."""
    if fault.observed:
        text = result.sentence
        return result.outcome is Outcome.OBSERVED and re.search(fault.observed, text) is not None
    return result.outcome is Outcome.FAILED


@pytest.mark.timeout(600)
@pytest.mark.parametrize("family", FAMILIES)
def test_no_false_alarm(family: str) -> None:
    """Every check of the family passes on the firmware without a fault."""
    skip_slow({family}, SLOW | {"memory"})
    if family == "certificates":
        pytest.skip("needs a profile: its certificate is compiled in")
    found = results(planted.GOOD, [family], JOBS)
    assert not [described(each) for each in bad(found)]
    assert any(each.outcome in (Outcome.PASSED, Outcome.OBSERVED) for each in found)


@pytest.mark.usefixtures("impatient")
@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", FAULTS)
def test_the_fault_is_found(name: str, request: pytest.FixtureRequest) -> None:
    """Each check that is meant for the fault finds it."""
    fault = FAULTS[name]
    if fault.gap:
        request.applymarker(pytest.mark.xfail(reason=fault.gap, strict=True))
    skip_slow({check.partition(".")[0] for check in fault.checks})
    assert {name_of(check) for check in fault.checks} <= KNOWN
    found = results(name, list(fault.checks))
    for check in fault.checks:
        own = [each for each in found if each.name == name_of(check)]
        assert any(finds(fault, each) for each in own), [described(each) for each in own]


@pytest.mark.skipif(os.environ.get(ALL) != "1", reason=f"takes an hour: set {ALL}=1")
@pytest.mark.usefixtures("impatient")
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("name", FAULTS)
def test_nothing_else_is_found(name: str) -> None:
    """No check fails but those that are meant for the fault, and its consequences."""
    fault = FAULTS[name]
    quick = [each for each in FAMILIES if each not in SLOW]
    expected = [*map(name_of, fault.checks), *fault.consequences]
    others = [
        described(each)
        for each in bad(results(name, quick, JOBS))
        if not any(fnmatch.fnmatchcase(each.name, pattern) for pattern in expected)
    ]
    assert not others
