# SPDX-License-Identifier: MIT
"""Long targets, long and many fields, and the fields that a browser sends."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from espbench.check.check import Observation, check, expect
from espbench.check.families.http.exchange import Exchange, exchange, head, normal
from espbench.check.result import Figure, Severity
from espbench.check.subject import Subject

SIZES = (128, 256, 512, 1024, 2048, 4096, 8192, 16384, 65536)
SOON = 4.0


@dataclass(frozen=True)
class _Part:
    """A part of a request that can be too large.

    Attributes:
        figure: the figure's name.
        title: its title.
        sized: says in a sentence what has this many bytes.
        make: returns a request with a part of this many bytes.
    """

    figure: str
    title: str
    sized: str
    make: Callable[[int], bytes]

    def observed(self, served: int, sentence: str = "") -> Observation:
        """Return the size that was served, and what became of the next one."""
        return Observation(sentence, [Figure(self.figure, self.title, served, "B", "higher")])


def _largest(subject: Subject, part: _Part) -> Observation:
    """Return up to which size a request is served, and what larger ones get."""
    served = 0
    for size in SIZES:
        what = part.sized.format(size)
        got = exchange(subject, part.make(size), most=2, patience=SOON)
        expect(not got.invalid, f"{what} was not answered: {got}.")
        expect(
            len(got.responses) <= 1,
            f"{what} was read as several requests: {got}.",
            Severity.SECURITY,
        )
        expect(
            not got.silent,
            f"{what} got no answer within {SOON:g} s, and the connection stayed open.",
        )
        if not _as_ever(got, subject):
            return part.observed(served, f"{what} was not served: {got}.")
        served = size
    return part.observed(served)


def _as_ever(got: Exchange, subject: Subject) -> bool:
    return got.status == normal(subject) or got.status in (404, 301, 302)


@check(
    "http.long_target",
    "RFC 9110, sections 4.1 and 15.5.15",
    Severity.ROBUSTNESS,
    plain=True,
    estimate=2,
)
def long_target(subject: Subject) -> Observation:
    """A query string that is too long is refused, and the device keeps serving."""
    mark = "&" if "?" in subject.path else "?"
    return _largest(
        subject,
        _Part(
            "http.longest_query",
            "longest query string served",
            "A query string of {} bytes",
            lambda size: head(subject, target=f"{subject.path}{mark}x={'x' * size}", close=True),
        ),
    )


@check(
    "http.long_path",
    "RFC 9110, sections 4.1 and 15.5.15",
    Severity.ROBUSTNESS,
    plain=True,
    estimate=2,
)
def long_path(subject: Subject) -> None:
    """A path that is too long is refused, and the device keeps serving."""
    for target in ("/" + "x" * 4000, "/x" * 500, "/" + "%41" * 700):
        got = exchange(subject, head(subject, target=target, close=True), most=2, patience=SOON)
        expect(
            not got.silent and not got.invalid and len(got.responses) <= 1,
            f"A path of {len(target)} bytes was not refused: {got}.",
        )


@check(
    "http.long_field",
    "RFC 6585, section 5; RFC 9110, section 5.4",
    Severity.ROBUSTNESS,
    plain=True,
    estimate=2,
)
def long_field(subject: Subject) -> Observation:
    """A header field that is too long is refused, and the device keeps serving."""
    return _largest(
        subject,
        _Part(
            "http.longest_field",
            "longest header field served",
            "A header field of {} bytes",
            lambda size: head(subject, f"X-Espbench: {'y' * size}", close=True),
        ),
    )


@check(
    "http.many_fields",
    "RFC 6585, section 5; RFC 9110, section 5.4",
    Severity.ROBUSTNESS,
    plain=True,
    estimate=2,
)
def many_fields(subject: Subject) -> Observation:
    """Too many header fields are refused, and the device keeps serving."""
    return _largest(
        subject,
        _Part(
            "http.longest_set_of_fields",
            "most bytes of short header fields served",
            "A request with {} bytes of short header fields",
            lambda size: head(
                subject, *(f"X-{n}: {'y' * 8}" for n in range(size // 16)), close=True
            ),
        ),
    )


BROWSER = (
    "Connection: keep-alive",
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/130.0.0.0 Safari/537.36",
    "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,"
    "image/apng,*/*;q=0.8,application/signed-exchange;v=b3;q=0.7",
    "Accept-Encoding: gzip, deflate",
    "Accept-Language: en-GB,en-US;q=0.9,en;q=0.8",
    "Upgrade-Insecure-Requests: 1",
)
"""What Chromium sends to a plain server."""
SECURE = (
    'sec-ch-ua: "Chromium";v="130", "Not?A_Brand";v="99"',
    "sec-ch-ua-mobile: ?0",
    'sec-ch-ua-platform: "Linux"',
    "Sec-Fetch-Site: none",
    "Sec-Fetch-Mode: navigate",
    "Sec-Fetch-User: ?1",
    "Sec-Fetch-Dest: document",
)
"""What it adds on a server that it trusts."""


@check("http.browser", "Chromium 130's requests", estimate=0.5)
def browser(subject: Subject) -> None:
    """A request with the header fields of a browser is served."""
    lines = (*BROWSER, *(SECURE if subject.server.tls else ()))
    data = head(subject, *lines)
    got = exchange(subject, data, most=1)
    expect(
        got.status == normal(subject),
        f"A GET with the {len(data)} bytes of header fields that Chromium sends is not served like "
        f"one without them ({normal(subject)}): {got}.",
    )
