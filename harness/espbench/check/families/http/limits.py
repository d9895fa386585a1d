# SPDX-License-Identifier: MIT
"""Long targets, long and many fields, and the fields that a browser sends."""

from __future__ import annotations

from collections.abc import Callable

from espbench.check.check import Observation, check, expect
from espbench.check.families.http.exchange import Exchange, exchange, head, normal
from espbench.check.result import Figure, Severity
from espbench.check.subject import Subject

SIZES = (128, 256, 512, 1024, 2048, 4096, 8192, 16384, 65536)
SOON = 4.0


def _largest(subject: Subject, what: str, name: str, make: Callable[[int], bytes]) -> Observation:
    """Return up to which size a request is served, and what larger ones get."""
    served = 0
    for size in SIZES:
        got = exchange(subject, make(size), most=2, patience=SOON)
        expect(not got.invalid, f"{what} of {size} bytes: {got}.")
        expect(
            len(got.responses) <= 1,
            f"{what} of {size} bytes was taken for several requests: {got}.",
            Severity.SECURITY,
        )
        expect(
            not got.silent,
            f"{what} of {size} bytes was neither answered nor was the connection closed within "
            f"{SOON:g} s.",
        )
        if not _as_ever(got, subject):
            return _observed(what, name, served, size, got)
        served = size
    return _observed(what, name, served, 0, None)


def _as_ever(got: Exchange, subject: Subject) -> bool:
    return got.status == normal(subject) or got.status in (404, 301, 302)


def _thing(what: str) -> str:
    """Return "query" for "A query", to follow an adjective."""
    return what.removeprefix("A ")


def _observed(what: str, name: str, served: int, size: int, got: Exchange | None) -> Observation:
    figure = Figure(f"http.{name}", f"longest {_thing(what)} that is served", served, "B", "higher")
    if got is None:
        return Observation("", [figure])
    return Observation(f"{what} of {size} bytes: {got}.", [figure])


@check(
    "http.long_target",
    "RFC 9110, sections 4.1 and 15.5.15",
    Severity.ROBUSTNESS,
    plain=True,
    estimate=2,
)
def long_target(subject: Subject) -> Observation:
    """A target that is too long is refused; the device goes on."""
    mark = "&" if "?" in subject.path else "?"
    return _largest(
        subject,
        "A query",
        "longest_query",
        lambda size: head(subject, target=f"{subject.path}{mark}x={'x' * size}", close=True),
    )


@check(
    "http.long_path",
    "RFC 9110, sections 4.1 and 15.5.15",
    Severity.ROBUSTNESS,
    plain=True,
    estimate=2,
)
def long_path(subject: Subject) -> None:
    """A path that is too long is refused; the device goes on."""
    for target in ("/" + "x" * 4000, "/x" * 500, "/" + "%41" * 700):
        got = exchange(subject, head(subject, target=target, close=True), most=2, patience=SOON)
        expect(
            not got.silent and not got.invalid and len(got.responses) <= 1,
            f"A path of {len(target)} bytes: {got}.",
        )


@check(
    "http.long_field",
    "RFC 6585, section 5; RFC 9110, section 5.4",
    Severity.ROBUSTNESS,
    plain=True,
    estimate=2,
)
def long_field(subject: Subject) -> Observation:
    """A header field that is too long is refused; the device goes on."""
    return _largest(
        subject,
        "A header field",
        "longest_field",
        lambda size: head(subject, f"X-Espbench: {'y' * size}", close=True),
    )


@check(
    "http.many_fields",
    "RFC 6585, section 5; RFC 9110, section 5.4",
    Severity.ROBUSTNESS,
    plain=True,
    estimate=2,
)
def many_fields(subject: Subject) -> Observation:
    """Too many header fields are refused; the device goes on."""
    return _largest(
        subject,
        "A set of short fields",
        "longest_set_of_fields",
        lambda size: head(subject, *(f"X-{n}: {'y' * 8}" for n in range(size // 16)), close=True),
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
