# SPDX-License-Identifier: MIT
"""Responses: their framing and fields, HEAD, and methods that a server may not know."""

from __future__ import annotations

import re
from email.utils import parsedate_to_datetime

from espbench.check.check import NotApplicable, Observation, check, expect
from espbench.check.families.http.exchange import exchange, head, normal, quoted
from espbench.check.result import Severity
from espbench.check.subject import Subject
from espbench.clients import Response

_IMF_FIXDATE = re.compile(
    r"(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d (Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) "
    r"\d{4} \d\d:\d\d:\d\d GMT"
)
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
DATES = ("date", "expires", "last-modified")


def fault_in(response: Response) -> str:
    """Return what is wrong with a response's fields, as a sentence; "" if nothing is."""
    lengths = [value for name, value in response.headers if name == "content-length"]
    codings = [value for name, value in response.headers if name == "transfer-encoding"]
    if lengths and codings:
        return (
            "The response has both Content-Length and Transfer-Encoding "
            "(RFC 9112, section 6.2: MUST NOT)."
        )
    if (response.status < 200 or response.status == 204) and (lengths or codings):
        field = "Content-Length" if lengths else "Transfer-Encoding"
        source = "RFC 9110, section 8.6" if lengths else "RFC 9112, section 6.1"
        return f"A {response.status} response has {field} ({source}: MUST NOT)."
    for name, value in response.headers:
        if not _TOKEN.fullmatch(name):
            return f"{quoted(name)} is not a field name (RFC 9110, section 5.1)."
        if name == "date" and not _is_date(value):
            return (
                f"Date is {quoted(value)}, which is not a date in the format of RFC 9110, "
                "section 5.6.7, such as 'Sun, 06 Nov 1994 08:49:37 GMT'."
            )
    if response.status == 405 and response.header("allow") is None:
        return "A 405 response lacks Allow (RFC 9110, section 15.5.6: MUST)."
    if response.status == 426 and response.header("upgrade") is None:
        return "A 426 response lacks Upgrade (RFC 9110, section 15.5.22: MUST)."
    if response.status == 401 and response.header("www-authenticate") is None:
        return "A 401 response lacks WWW-Authenticate (RFC 9110, section 15.5.2: MUST)."
    return ""


def _is_date(text: str) -> bool:
    if not _IMF_FIXDATE.fullmatch(text):
        return False
    try:
        parsedate_to_datetime(text)
    except ValueError:
        return False
    return True


TARGETS = {"its path": "", "a path that does not exist": "/espbench-does-not-exist"}


@check("http.get", "RFC 9112, section 6; RFC 9110, section 6.6.1", cases=TARGETS, estimate=0.5)
def get(subject: Subject, target: str) -> Observation | None:
    """A GET gets a complete response with valid fields and framing."""
    got = exchange(subject, head(subject, target=target or None, close=True), most=2)
    expect(not got.invalid, f"A valid GET got a response that is not valid HTTP: {got.invalid}.")
    expect(not (got.partial and got.ended), f"A valid GET was not answered: {got}.")
    expect(
        not got.partial,
        f"A client cannot tell where the response ends: {got} and kept the connection open "
        "(RFC 9112, section 6.3).",
    )
    expect(
        got.responses,
        f"A valid GET was not answered: {got}.",
        Severity.ROBUSTNESS,
    )
    response = got.responses[0]
    expect(len(got.responses) == 1, f"One GET got several responses: {got}.", Severity.SECURITY)
    fault = fault_in(response)
    expect(not fault, fault)
    framed = {"content-length", "transfer-encoding"} & {name for name, _ in response.headers}
    bodiless = response.status in (204, 304)
    if not framed and not bodiless:
        return Observation(
            "Only the end of the connection ends the body, so a client cannot tell whether it is "
            "complete."
        )
    return None


@check("http.head", "RFC 9110, section 9.3.2", estimate=1)
def head_method(subject: Subject) -> Observation | None:
    """HEAD gets the head of the response to GET, and no body."""
    got = exchange(subject, head(subject, method="HEAD", close=True), methods=["HEAD"], most=2)
    expect(
        not got.silent,
        "HEAD got no answer, and the connection stayed open.",
        Severity.ROBUSTNESS,
    )
    if not got.responses:
        return Observation(f"HEAD is not served: {got}.")
    response = got.responses[0]
    # What follows the head without another request can only be a body.
    expect(
        len(got.responses) == 1 and not got.invalid and not got.partial,
        f"The response to HEAD ({response.status}) has a body, which a client can take for the "
        "next response: a server MUST NOT send one.",
    )
    status = normal(subject)
    if response.status != status:
        return Observation(f"HEAD is answered with {response.status}, GET with {status}.")
    return None


UNUSUAL = {
    "unknown": ("FROB", "/"),
    "lower case": ("get", ""),
    "very long": ("X" * 300, "/"),
    "TRACE": ("TRACE", ""),
    "OPTIONS": ("OPTIONS", ""),
    "OPTIONS *": ("OPTIONS", "*"),
    "CONNECT": ("CONNECT", "espbench.test:80"),
}


@check("http.methods", "RFC 9110, sections 9.1 and 15.5.6", cases=UNUSUAL, estimate=2)
def methods(subject: Subject, case: tuple[str, str]) -> Observation | None:
    """A method that is unknown or not allowed is refused with a complete response."""
    method, target = case
    secret = "espbench-secret"
    data = head(subject, f"Cookie: {secret}", method=method, target=target or None, close=True)
    got = exchange(subject, data, methods=[method], most=2)
    name = method if len(method) < 30 else f"A method of {len(method)} letters"
    expect(
        not got.silent,
        f"{name} got no answer, and the connection stayed open.",
        Severity.ROBUSTNESS,
    )
    if method == "CONNECT" and 200 <= got.status <= 299:
        return Observation(f"CONNECT is answered with {got.status}.")
    expect(not got.invalid, f"{name} got a response that is not valid HTTP: {got.invalid}.")
    expect(len(got.responses) <= 1, f"{name} got several responses: {got}.", Severity.SECURITY)
    if not got.responses:
        return None
    response = got.responses[0]
    fault = fault_in(response)
    expect(not fault, str(fault))
    if method == "TRACE" and 200 <= response.status <= 299 and secret.encode() in response.body:
        return Observation(
            "TRACE returns the Cookie field, which scripts must not be able to read."
        )
    if method not in ("TRACE", "OPTIONS") and 200 <= response.status <= 299:
        return Observation(f"{name} is answered with {response.status} instead of 501 or 405.")
    return None


@check("http.expected_answers", "the profile, [[paths]]", Severity.ROBUSTNESS, estimate=1)
def expected_answers(subject: Subject) -> None:
    """Each path of the profile gives the answer that the profile expects."""
    if not subject.profile.paths:
        raise NotApplicable("The profile names no paths (add [[paths]] with path and status).")
    wrong = []
    for each in subject.profile.paths:
        got = exchange(subject, head(subject, target=each.path), most=1)
        if got.status != each.status:
            wrong.append(f"GET {each.path}: the profile expects {each.status}, but {got}")
        elif each.body and each.body.encode() not in got.responses[0].body:
            wrong.append(
                f"GET {each.path}: the profile expects {quoted(each.body)} in the body, which "
                f"begins with {quoted(got.responses[0].body[:40])}"
            )
    expect(not wrong, f"{'; '.join(wrong)}.")
