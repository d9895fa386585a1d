# SPDX-License-Identifier: MIT
"""Request smuggling: framing on which two readers disagree must end the connection.

Each request is followed by a GET, which one of the two readers takes for a request.
"""

from __future__ import annotations

from espbench.check.check import NotApplicable, check, expect
from espbench.check.families.http.bodies import IGNORES, chunked_support
from espbench.check.families.http.exchange import CHUNKS, exchange, head, normal, quoted
from espbench.check.result import Severity
from espbench.check.subject import Subject

TE, CL = b"Transfer-Encoding: ", b"Content-Length: "

FAULTY_CODINGS: dict[str, tuple[bytes, bytes]] = {
    # Transfer-Encoding: chunked is not the final coding (RFC 9112, section 6.3, item 4)
    "identity": (TE + b"identity", CHUNKS),
    "unknown": (TE + b"cow", CHUNKS),
    "empty": (TE, CHUNKS),
    "chunked, gzip": (TE + b"chunked, gzip", CHUNKS),
    "chunked, then identity": (TE + b"chunked\r\n" + TE + b"identity", CHUNKS),
    "chunked, then unknown": (TE + b"chunked\r\n" + TE + b"cow", CHUNKS),
    "vertical tab": (TE + b"\x0bchunked", CHUNKS),
    "prefix": (TE + b"xchunked", CHUNKS),
    "suffix": (TE + b"chunkedx", CHUNKS),
    "quotes": (TE + b'"chunked"', CHUNKS),
    "NUL after it": (TE + b"chunked\0", CHUNKS),
    "blank before the colon": (b"Transfer-Encoding : chunked", CHUNKS),
    # refused as obs-fold, or read as "chunked , gzip" (section 5.2)
    "chunked, gzip in a fold": (TE + b"chunked\r\n\t, gzip", CHUNKS),
}
"""They MUST get 400."""
CODINGS: dict[str, tuple[bytes, bytes]] = {
    **FAULTY_CODINGS,
    # chunked more than once, or with parameters (section 7.1)
    "twice in two lines": (TE + b"chunked\r\n" + TE + b"chunked", CHUNKS),
    "twice in one line": (TE + b"chunked, chunked", CHUNKS),
    "parameter": (TE + b"chunked;foo=bar", CHUNKS),
    # an unsupported coding (section 6.1)
    "gzip, chunked": (TE + b"gzip, chunked", CHUNKS),
    "identity, then chunked": (TE + b"identity\r\n" + TE + b"chunked", CHUNKS),
    # both (section 6.3, item 3)
    "coding and length": (TE + b"chunked\r\n" + CL + b"4", CHUNKS),
    "length and coding": (CL + b"4\r\n" + TE + b"chunked", CHUNKS),
    "length and unknown coding": (CL + b"4\r\n" + TE + b"cow", b"body"),
}


@check(
    "http.smuggling",
    "RFC 9112, sections 6.1, 6.3 and 11.2",
    Severity.SECURITY,
    plain=True,
    cases=CODINGS,
    estimate=8,
)
def codings(subject: Subject, case: tuple[bytes, bytes]) -> None:
    """An ambiguous Transfer-Encoding ends the connection; what follows is not served."""
    fields, body = case
    if CL not in fields and chunked_support(subject) == IGNORES:
        raise NotApplicable("The server ignores Transfer-Encoding (see http.chunked).")
    _closes(subject, fields, body, must=case in FAULTY_CODINGS.values())


HUGE: dict[str, tuple[bytes, bytes]] = {
    "2**32 + 4": (CL + b"4294967300", b"body"),
    "11 digits": (CL + b"9" * 11, b"body"),
    "2**64 - 1": (CL + b"18446744073709551615", b"body"),
    "2**64 + 4": (CL + b"18446744073709551620", b"body"),
    "40 digits": (CL + b"9" * 40, b"body"),
}
"""Valid numbers, which overflow."""
LENGTHS: dict[str, tuple[bytes, bytes]] = {
    "two lengths": (CL + b"4\r\n" + CL + b"5", b"body"),
    "two lengths, the longer first": (CL + b"5\r\n" + CL + b"4", b"body"),
    "list of two lengths": (CL + b"4, 5", b"body"),
    "two numbers": (CL + b"4 4", b"body"),
    "plus": (CL + b"+4", b"body"),
    "minus": (CL + b"-4", b"body"),
    "minus zero": (CL + b"-0", b""),
    "hexadecimal": (CL + b"0x4", b"body"),
    "fraction": (CL + b"4.0", b"body"),
    "exponent": (CL + b"4e0", b"body"),
    "letters": (CL + b"four", b"body"),
    "letters after it": (CL + b"4x", b"body"),
    "no digits": (CL, b"body"),
    "blank before the colon": (b"Content-Length : 4", b"body"),
    # refused as obs-fold, or read as "4 4" (section 5.2)
    "two numbers by a fold": (CL + b"4\r\n 4", b"body"),
    **HUGE,
}


@check(
    "http.invalid_length",
    "RFC 9112, section 6.3, item 5; RFC 9110, section 8.6",
    Severity.SECURITY,
    plain=True,
    cases=LENGTHS,
    estimate=8,
)
def lengths(subject: Subject, case: tuple[bytes, bytes]) -> None:
    """An invalid Content-Length ends the connection; what follows is not served."""
    _closes(subject, *case, must=case not in HUGE.values())


FOLDS: dict[str, tuple[bytes, bytes]] = {
    # obs-fold (section 5.2), whitespace before the first field (section 2.2), NUL (RFC 9110, 5.5).
    # A fold that is read as a blank leaves no Content-Length, so the GET is the next request; these
    # are requests whose fold hides a length or a coding that must not count, or one that must.
    "coding in a fold": (b"X-Espbench: a\r\n Transfer-Encoding: chunked", b""),
    "length in a fold": (b"X-Espbench: a\r\n Content-Length: 4", b""),
    "length in a fold by tab": (b"X-Espbench: a\r\n\tContent-Length: 4", b""),
    "length after a NUL": (b"X-Espbench: a\0Content-Length: 4", b""),
    "length after a bare CR": (b"X-Espbench: a\rContent-Length: 4", b""),
    "coding as a fold": (b"Transfer-Encoding:\r\n chunked", CHUNKS),
}


@check(
    "http.hidden_framing",
    "RFC 9112, sections 2.2 and 5.2; RFC 9110, section 5.5",
    Severity.SECURITY,
    plain=True,
    cases=FOLDS,
    estimate=4,
)
def hidden(subject: Subject, case: tuple[bytes, bytes]) -> None:
    """A length or coding inside another field's value does not count as framing."""
    fields, body = case
    if body and chunked_support(subject) == IGNORES:
        raise NotApplicable("The server ignores Transfer-Encoding (see http.chunked).")
    got = exchange(subject, head(subject, fields) + body, then=head(subject, close=True))
    what = f"After a request with {quoted(fields)} and a GET"
    # Refused is right, and so is answered as two. Anything else has read the hidden field.
    refused = len(got.responses) <= 1 and got.ended
    both = got.statuses == (normal(subject),) * 2
    expect(
        (refused or both) and not got.invalid,
        f"{what}, {got}: it has to refuse the first one or serve both ({normal(subject)} each).",
    )


@check(
    "http.chunked_in_http_1_0",
    "RFC 9112, section 6.1",
    Severity.SECURITY,
    plain=True,
    cases={
        "alone": b"",
        "with a length": b"\r\n" + CL + b"4",
        "keep-alive": b"\r\nConnection: keep-alive",
    },
    estimate=1,
)
def chunked_in_http_1_0(subject: Subject, more: bytes) -> None:
    """Transfer-Encoding in an HTTP/1.0 request ends the connection."""
    if not more.endswith(b"4") and chunked_support(subject) == IGNORES:
        raise NotApplicable("The server ignores Transfer-Encoding (see http.chunked).")
    _closes(subject, TE + b"chunked" + more, CHUNKS, version="HTTP/1.0")


def _closes(
    subject: Subject,
    fields: bytes,
    body: bytes,
    *,
    must: bool = False,
    version: str = "HTTP/1.1",
) -> None:
    """Fail if anything behind the head of an ambiguous request is answered.

    Args:
        subject: whom to ask.
        fields, body: the request.
        must: whether the server has to answer 400.
        version: the request's version.
    """
    data = head(subject, fields, method="POST", version=version) + body
    got = exchange(subject, data, methods=["POST"], then=head(subject, close=True))
    what = f"{'a' if version == 'HTTP/1.1' else f'an {version}'} POST with {quoted(fields)}"
    expect(
        len(got.responses) <= 1 and not got.invalid,
        f"What follows {what} was taken for a request: {got}. The server MUST answer 400 and close "
        "the connection.",
    )
    expect(
        not (must and 200 <= got.status <= 299),
        f"{what[0].upper()}{what[1:]} was served ({got.status}): the server MUST answer 400.",
        Severity.CONFORMANCE,
    )
