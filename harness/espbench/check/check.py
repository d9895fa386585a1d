# SPDX-License-Identifier: MIT
"""`Check`, and the decorator `check`, which turns a function into one.

A check is a function that takes a `Subject`, and one of its cases if it has any. It returns None or
an `Observation`, and raises `CheckFailed` or `NotApplicable`. A `ClientError` that it lets through
is a failure, too: a client that did everything right was not served.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from espbench.check.errors import CheckFailed, NotApplicable
from espbench.check.result import Figure, Severity
from espbench.check.subject import Subject

__all__ = [
    "Check",
    "CheckFailed",
    "Needs",
    "NotApplicable",
    "Observation",
    "check",
    "expect",
    "registered",
]

LIMIT = 60.0
"""Default limit of a check, or of each of its cases, in seconds (before scaling)."""


@dataclass(frozen=True)
class Observation:
    """What a check saw that is neither right nor wrong.

    Attributes:
        sentence: what it saw; "" if only the figures matter.
        figures: what it measured.
    """

    sentence: str = ""
    figures: Sequence[Figure] = ()


def expect(condition: object, sentence: str, severity: Severity | None = None) -> None:
    """Raise `CheckFailed` with this sentence unless the condition holds."""
    if not condition:
        raise CheckFailed(sentence, severity)


Needs = str
"""What a check needs; the engine runs it once for each server that has it:

"": a device; "http": a server that answers HTTP, plain or over TLS; "tls": a server that speaks
TLS; "websocket": a path that upgrades; "echo": a path that upgrades and echoes.
"""


@dataclass(frozen=True)
class Check:
    """One question to a device.

    Attributes:
        name: family and name, such as "tls.slow_client".
        title: what the device has to do, as a sentence; the function's docstring.
        source: the RFC section or ESP-IDF file that says so.
        severity: what a failure means.
        needs: see `Needs`.
        inspects: whether it looks into the firmware, which takes an ELF file.
        once: whether one server is enough, where several have what it needs.
        plain: whether a TLS server is left out where a plain one has the same paths: above TLS,
            both are the same.
        fresh: whether it starts on a device that has just booted.
        spoils: whether the device is of no use afterwards.
        provokes: whether it makes a well firmware log errors, so that the console's lines of that
            time say nothing about a finding.
        cases: values that are tried one after the other, by name.
        on_request: whether it only runs when it is named.
        limit: seconds (before scaling) for the whole check, or for each case.
        estimate: seconds that it usually takes on a machine with two cores.
        function: the check itself.
    """

    name: str
    title: str
    source: str
    severity: Severity
    needs: Needs
    function: Callable[..., Observation | None] = field(compare=False)
    inspects: bool = False
    once: bool = False
    plain: bool = False
    fresh: bool = False
    spoils: bool = False
    cases: Mapping[str, Any] = field(default_factory=dict, compare=False)
    on_request: bool = False
    limit: float = LIMIT
    estimate: float = 1.0
    provokes: bool = False

    @property
    def family(self) -> str:
        """The part of the name before the dot."""
        return self.name.partition(".")[0]

    def run(self, subject: Subject, case: str = "") -> Observation | None:
        """Run it, or one of its cases."""
        if self.cases:
            return self.function(subject, self.cases[case])
        return self.function(subject)


_CHECKS: dict[str, Check] = {}


def check(
    name: str,
    source: str,
    severity: Severity = Severity.CONFORMANCE,
    *,
    needs: Needs = "http",
    inspects: bool = False,
    once: bool = False,
    plain: bool = False,
    fresh: bool = False,
    spoils: bool = False,
    cases: Mapping[str, Any] | None = None,
    on_request: bool = False,
    limit: float = LIMIT,
    estimate: float = 1.0,
    provokes: bool = False,
) -> Callable[[Callable[..., Observation | None]], Callable[..., Observation | None]]:
    """Make a function a check; see `Check` for the arguments.

    Raises:
        ValueError: there is a check of that name already, or the function has no docstring.
    """

    def register(
        function: Callable[..., Observation | None],
    ) -> Callable[..., Observation | None]:
        title = " ".join((function.__doc__ or "").partition("\n\n")[0].split())
        if name in _CHECKS or not title:
            raise ValueError(f"{name}: each check has a name of its own and a docstring")
        _CHECKS[name] = Check(
            name,
            title,
            source,
            severity,
            needs,
            function,
            inspects,
            once,
            plain,
            fresh,
            spoils,
            dict(cases or {}),
            on_request,
            limit,
            estimate,
            provokes,
        )
        return function

    return register


def registered() -> list[Check]:
    """Return the checks of the families that have been imported, in their order of definition."""
    return list(_CHECKS.values())
