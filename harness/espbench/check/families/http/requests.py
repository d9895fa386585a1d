# SPDX-License-Identifier: MIT
"""Requests: invalid request lines, Host, fields, forms of the target, and versions."""

from __future__ import annotations

from collections.abc import Sequence

from espbench.check.check import NotApplicable, Observation, check, expect
from espbench.check.families.http.exchange import (
    Exchange,
    exchange,
    head,
    normal,
    quoted,
    with_fields,
)
from espbench.check.result import Severity
from espbench.check.subject import Subject

SOON = 3.0
"""Seconds (before scaling) to wait for an answer to what need not be answered."""


def served(got: Exchange, subject: Subject) -> bool:
    """Return whether a request was served as a valid GET is."""
    return got.status != 0 and got.status == normal(subject) and got.status != 400


def one_at_most(got: Exchange, what: str) -> None:
    """Fail if one request got several responses, or one that is not HTTP."""
    expect(not got.invalid, f"{what} was not answered: {got}.")
    expect(
        len(got.responses) <= 1, f"{what} was read as several requests: {got}.", Severity.SECURITY
    )


INVALID = {
    "binary": b"\x00\x01\x02\x03\xff\xfe\r\n\r\n",
    "TLS ClientHello": b"\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03" + bytes(range(154)),
    "no method": b" / HTTP/1.1\r\nHost: x\r\n\r\n",
    "one word": b"hello?\r\n\r\n",
    "no version": b"GET PATH\r\n\r\n",
    "four words": b"GET PATH HTTP/1.1 x\r\nHost: x\r\n\r\n",
    "tab as a separator": b"GET\tPATH\tHTTP/1.1\r\nHost: x\r\n\r\n",
    "two spaces": b"GET  PATH  HTTP/1.1\r\nHost: x\r\n\r\n",
    "lower-case version": b"GET PATH http/1.1\r\nHost: x\r\n\r\n",
    "version of three parts": b"GET PATH HTTP/1.1.1\r\nHost: x\r\n\r\n",
    "another protocol": b"GET PATH SIP/2.0\r\nHost: x\r\n\r\n",
    "NUL in the target": b"GET PATH\0x HTTP/1.1\r\nHost: x\r\n\r\n",
    "CR in the target": b"GET PATH\rx HTTP/1.1\r\nHost: x\r\n\r\n",
    "bytes above 0x7f": b"GET PATH\xff\xfe HTTP/1.1\r\nHost: x\r\n\r\n",
    "target without a slash": b"GET hello HTTP/1.1\r\nHost: x\r\n\r\n",
    "fragment": b"GET PATH#top HTTP/1.1\r\nHost: x\r\n\r\n",
    "incomplete percent-encoding": b"GET PATH%2 HTTP/1.1\r\nHost: x\r\n\r\n",
    "format string": b"GET /%s%s%n%n%x HTTP/1.1\r\nHost: x\r\n\r\n",
}


@check(
    "http.request_line",
    "RFC 9112, section 3",
    Severity.ROBUSTNESS,
    plain=True,
    cases=INVALID,
    estimate=6,
)
def request_line(subject: Subject, data: bytes) -> Observation | None:
    """An invalid request line is refused, or read leniently as one request."""
    data = data.replace(b"PATH", subject.path.encode("latin-1"))
    data = with_fields(data, subject)
    got = exchange(subject, data, most=3, patience=SOON)
    line = quoted(data.partition(b"\r\n")[0])
    one_at_most(got, f"The request line {line}")
    if got.silent:
        return Observation(f"{line} gets no answer, and the connection stays open.")
    if 200 <= got.status <= 299:
        return Observation(f"The request line {line} is answered with {got.status}.")
    return None


HOSTS: dict[str, Sequence[str]] = {
    "missing": (),
    "twice": ("Host: a.test", "Host: b.test"),
    "the same twice": ("Host: a.test", "Host: a.test"),
    "blank inside": ("Host: a b",),
    "slash inside": ("Host: a.test/path",),
    "user information": ("Host: user@a.test",),
    "port of letters": ("Host: a.test:http",),
    "open bracket": ("Host: [::1",),
}


@check("http.host", "RFC 9112, section 3.2", plain=True, cases=HOSTS, estimate=2)
def host(subject: Subject, fields: Sequence[str]) -> None:
    """A request without a Host field, with several, or with an invalid one gets a 400."""
    got = exchange(subject, head(subject, *fields, host=None, close=True), most=2)
    what = f"A request with {' and '.join(map(quoted, fields)) or 'no Host field'}"
    one_at_most(got, what)
    expect(
        not got.silent,
        f"{what} got no answer, and the connection stayed open.",
        Severity.ROBUSTNESS,
    )
    expect(
        not served(got, subject),
        f"{what} was served like a valid one ({got.status}): the server MUST answer 400.",
    )


HOST_ALLOWED: dict[str, tuple[Sequence[str], str]] = {
    "name and port": (("Host: device.local:8080",), "HTTP/1.1"),
    "IPv4 address": (("Host: 192.168.4.1",), "HTTP/1.1"),
    "IPv6 address": (("Host: [fe80::1]:80",), "HTTP/1.1"),
    "no blank": (("Host:espbench.test",), "HTTP/1.1"),
    "blanks around it": (("Host: \t espbench.test \t",), "HTTP/1.1"),
    "lower-case name": (("host: espbench.test",), "HTTP/1.1"),
    "last of many fields": ((*(f"X-{n}: {n}" for n in range(8)), "Host: a.test"), "HTTP/1.1"),
    "none in HTTP/1.0": ((), "HTTP/1.0"),
}


@check(
    "http.valid_host", "RFC 9110, sections 5.1 and 7.2", plain=True, cases=HOST_ALLOWED, estimate=2
)
def valid_host(subject: Subject, case: tuple[Sequence[str], str]) -> Observation | None:
    """A request with a valid Host field, written in any allowed way, is served."""
    fields, version = case
    got = exchange(subject, head(subject, *fields, host=None, version=version, close=True), most=2)
    what = f"A valid {version} request with {quoted(fields[-1]) if fields else 'no Host field'}"
    one_at_most(got, what)
    if got.status in (301, 302, 307, 308, 403, 421):
        return Observation(
            f"{what} is answered with {got.status}: the server only accepts its own names."
        )
    expect(
        got.status == normal(subject),
        f"{what} was not served like any other ({normal(subject)}): {got}.",
    )
    return None


FIELDS: dict[str, tuple[bytes, bool]] = {
    # name: the line, whether RFC 9112 says that it MUST be refused
    "blank before the colon": (b"X-Espbench : a", True),
    "tab before the colon": (b"X-Espbench\t: a", True),
    "no colon": (b"X-Espbench", False),
    "no name": (b": a", False),
    "blank in the name": (b"X Espbench: a", False),
    "NUL in the name": (b"X-Esp\0bench: a", False),
    "NUL in the value": (b"X-Espbench: a\0b", False),
    "CR in the value": (b"X-Espbench: a\rb", False),
    "control characters": (b"X-Espbench: \x01\x02\x7f", False),
    "obs-text": (b"X-Espbench: \xe4\xf6\xfc", False),
    "obs-fold": (b"X-Espbench: a\r\n b", False),
    "format string": (b"User-Agent: %s%s%n%n%x", False),
}


@check("http.fields", "RFC 9112, section 5", plain=True, cases=FIELDS, estimate=4)
def fields(subject: Subject, case: tuple[bytes, bool]) -> Observation | None:
    """An invalid header field is refused, or is not taken for anything else."""
    line, must = case
    got = exchange(subject, head(subject, line, close=True), most=2, patience=SOON)
    what = f"A request with the header line {quoted(line)}"
    one_at_most(got, what)
    if must:
        expect(
            not served(got, subject),
            f"{what} was served ({got.status}): the server MUST answer 400 to whitespace between "
            "a field name and its colon (RFC 9112, section 5.1).",
        )
    if got.silent:
        return Observation(f"{what} gets no answer, and the connection stays open.")
    return None


LINE_ENDS = {
    "bare LF": b"\n",
    "bare CR": b"\r",
    "LF CR": b"\n\r",
}


@check("http.line_ends", "RFC 9112, section 2.2", plain=True, cases=LINE_ENDS, estimate=4)
def line_ends(subject: Subject, end: bytes) -> Observation | None:
    """A request whose lines do not end with CRLF is one request or none."""
    got = exchange(subject, head(subject, close=True).replace(b"\r\n", end), most=3, patience=SOON)
    one_at_most(got, f"A request whose lines end with {quoted(end)}")
    if end == b"\r":
        expect(
            not (served(got, subject) and 200 <= got.status <= 299),
            "A request whose lines end with a bare CR was served: a recipient MUST reject a bare "
            "CR or read it as a space, so this is a single line.",
        )
    if served(got, subject):
        return Observation(f"The server accepts lines that end with {quoted(end)} instead of CRLF.")
    return None


@check("http.empty_line", "RFC 9112, section 2.2", plain=True, estimate=0.5)
def empty_line(subject: Subject) -> Observation | None:
    """An empty line before a request is ignored."""
    got = exchange(subject, b"\r\n" + head(subject, close=True), most=2, patience=SOON)
    if got.statuses != (normal(subject),):
        return Observation(f"An empty line before a request SHOULD be ignored, but {got}.")
    return None


FORMS = {
    "absolute": "{scheme}://espbench.test{path}",
    "absolute with a port": "{scheme}://espbench.test:{port}{path}",
    "absolute in upper case": "{SCHEME}://ESPBENCH.TEST{path}",
}


@check("http.absolute_form", "RFC 9112, section 3.2.2", plain=True, cases=FORMS, estimate=1)
def absolute_form(subject: Subject, form: str) -> None:
    """A target in absolute form is served like its path."""
    scheme = subject.server.scheme
    target = form.format(
        scheme=scheme, SCHEME=scheme.upper(), port=subject.server.port, path=subject.path
    )
    got = exchange(subject, head(subject, target=target, close=True), most=2)
    one_at_most(got, f"GET {target}")
    # A server that refuses every path cannot show whether it understood this one.
    expect(
        got.status == normal(subject),
        f"GET {target} was not served like GET {subject.path} ({normal(subject)}): {got}. A server "
        "MUST accept the absolute form.",
    )


VERSIONS = {
    "HTTP/1.2": True,
    "HTTP/1.9": True,
    "HTTP/2.0": False,
    "HTTP/0.9": False,
    "HTTP/9.9": False,
}


@check(
    "http.versions",
    "RFC 9110, sections 2.5 and 6.2",
    plain=True,
    cases={v: (v, s) for v, s in VERSIONS.items()},
    estimate=2,
)
def versions(subject: Subject, case: tuple[str, bool]) -> Observation | None:
    """A higher minor version is served as HTTP/1.1, another major version is refused."""
    version, same = case
    got = exchange(subject, head(subject, version=version, close=True), most=2, patience=SOON)
    one_at_most(got, f"An {version} request")
    if same and not served(got, subject):
        return Observation(
            f"An {version} request should be served like an HTTP/1.1 one, but {got}."
        )
    if not same and 200 <= got.status <= 299:
        return Observation(f"An {version} request is served instead of refused with 505.")
    return None


@check("http.http_1_0", "RFC 9112, sections 6.1 and 9.3", plain=True, estimate=1)
def http_1_0(subject: Subject) -> None:
    """An HTTP/1.0 client gets a response that it can read, and the end of the connection."""
    got = exchange(subject, head(subject, version="HTTP/1.0"), most=2, quiet=SOON)
    one_at_most(got, "An HTTP/1.0 request")
    expect(got.responses, f"An HTTP/1.0 request was not answered: {got}.", Severity.ROBUSTNESS)
    response = got.responses[0]
    expect(
        response.header("transfer-encoding") is None,
        "An HTTP/1.0 client, which does not know Transfer-Encoding, got a response with this "
        "field: a server MUST NOT send it (RFC 9112, section 6.1).",
    )
    expect(
        got.ended,
        f"The connection is still open {SOON:g} s after the response to an HTTP/1.0 request "
        "without keep-alive: the server has to close it after the response (RFC 9112, "
        "section 9.3).",
    )


PIECES = {"a GET": ("GET", b""), "a POST with a body": ("POST", b"body")}


@check(
    "http.byte_by_byte", "RFC 9112, section 2.2; RFC 9293, section 3.8", cases=PIECES, estimate=3
)
def byte_by_byte(subject: Subject, case: tuple[str, bytes]) -> None:
    """A request that arrives in segments of one byte is served like any other."""
    method, body = case
    fields = [f"Content-Length: {len(body)}"] if body else []
    data = head(subject, *fields, method=method, close=True) + body
    usual = exchange(subject, data, methods=[method], most=2)
    if body and not 200 <= usual.status <= 299:
        # A refusal may come before the body does, and get lost in a reset.
        raise NotApplicable(f"A POST to {subject.path} is not accepted: {usual}.")
    pieces = [data[at : at + 1] for at in range(len(data))]
    got = exchange(subject, *pieces, methods=[method], most=2)
    one_at_most(got, f"A {method} in segments of one byte")
    expect(
        got.statuses == usual.statuses,
        f"A {method} in segments of one byte was not served like one in a single segment "
        f"({usual}): {got}.",
    )
