# SPDX-License-Identifier: MIT
"""Checks of `espbench check` on the servers of this firmware, whose choices are known.

scenarios/test_check.py runs them on any firmware, where a choice of the server's author is only an
observation, or not mentioned at all. Here, each remark is expected or a failure, and so is each
answer to an unusual request. No case leaks memory, no handler sees a request that is refused, and
the device counts no failures of other causes.
"""

from __future__ import annotations

import pytest
from espbench.check.answer_log import recorded_answers
from espbench.check.families import all_checks
from espbench.check.families.http.bodies import CHUNKED, INNER, LENGTHS, chunked_support
from espbench.check.families.http.exchange import Exchange, normal, pipelines
from espbench.check.server import Server, WebSocketPath
from espbench.check.subject import Subject
from espbench.device.device import Device

ECHO = WebSocketPath("/ws", echo=True)
SERVERS = {
    "ws": Server(80, http=True, path="/hello", status=200, websockets=(ECHO,)),
    "wss": Server(443, tls=True, http=True, path="/hello", status=200, websockets=(ECHO,)),
    "http": Server(80, http=True, path="/echo", status=200),
    "https": Server(443, tls=True, http=True, path="/echo", status=200),
}
CHECKS = {each.name: each for each in all_checks()}


def closed(*statuses: int) -> str:
    """Return an exchange in words: these responses, the last with Connection: close, and a FIN."""
    comma = "," if len(statuses) > 1 else ""
    return (
        f"the server answered {', then '.join(map(str, statuses))}{comma} and closed the connection"
    )


def answered(status: int) -> str:
    """Return an exchange in words: one response, after which nobody waited for an end."""
    return f"the server answered {status}"


def kept(status: int) -> str:
    """Return an exchange in words whose connection stays open."""
    return f"{answered(status)} and kept the connection open"


TOO_BIG = "A message of {} bytes got a close frame with code 1009."
REMARKS: dict[str, dict[str, str]] = {
    "websocket.framing": {
        **{case: TOO_BIG.format(65535) for case in ("1.1.6", "1.2.6")},
        **{case: TOO_BIG.format(65536) for case in ("1.1.7", "1.1.8", "1.2.7", "1.2.8")},
    },
    "websocket.auto_fragment": {"10.1.1": TOO_BIG.format(65536)},
    "websocket.close": {
        "7.1.6": "Case 7.1.6 got a close frame with code 1009.",
        "7.13.1": "Case 7.13.1 got a close frame with code 1002.",
        "7.13.2": "Case 7.13.2 got a close frame with code 1002.",
    },
    "http.request_line": {
        "two spaces": "The request line 'GET  /echo  HTTP/1.1' is answered with 200.",
        "fragment": "The request line 'GET /echo#top HTTP/1.1' is answered with 200.",
    },
    "http.line_ends": {"bare LF": "The server accepts lines that end with '\\n' instead of CRLF."},
    "http.long_target": {"": f"A query string of 8192 bytes was not served: {closed(414)}."},
    "http.long_field": {"": f"A header field of 8192 bytes was not served: {closed(431)}."},
    "http.many_fields": {
        "": f"A request with 16384 bytes of short header fields was not served: {closed(431)}."
    },
}
"""What the checks say about this firmware, which takes messages of up to 16 kB."""


@pytest.mark.parametrize("scheme", ["ws", "wss"])
@pytest.mark.parametrize(
    "name",
    [
        pytest.param("websocket.framing", marks=pytest.mark.failures("ws_too_big")),
        pytest.param("websocket.pings", marks=pytest.mark.failures("ws_protocol")),
        pytest.param("websocket.fragmentation", marks=pytest.mark.failures("ws_protocol")),
        pytest.param("websocket.auto_fragment", marks=pytest.mark.failures("ws_too_big")),
        pytest.param("websocket.utf8", marks=pytest.mark.failures("ws_not_utf8")),
        pytest.param(
            "websocket.close",
            marks=pytest.mark.failures("ws_protocol", "ws_not_utf8", "ws_too_big"),
        ),
        pytest.param("websocket.burst", marks=pytest.mark.failures("queue_full")),
        "websocket.at_once",
    ],
)
def test_remarks(name: str, scheme: str, shared_device: Device) -> None:
    """Each case of the check passes, and the check says no more than is known."""
    check, server = CHECKS[name], SERVERS[scheme]
    subject = Subject(shared_device, SERVERS.values(), server, ECHO)
    seen = {case: check.run(subject, case) for case in check.cases or [""]}
    assert seen
    said = {case: observed.sentence for case, observed in seen.items() if observed is not None}
    assert said == REMARKS.get(name, {})


ANSWERS: dict[str, tuple[str, dict[str, str]]] = {
    # where the body ends (RFC 9112, section 6.3): an ambiguous request is not answered as two
    "http.smuggling": (
        closed(400),
        # an unsupported coding (section 6.1)
        {"gzip, chunked": closed(501), "identity, then chunked": closed(501)},
    ),
    "http.invalid_length": (
        closed(400),
        # a number, though too large; one of more than 64 bits is none
        {"2**32 + 4": closed(413), "11 digits": closed(413)},
    ),
    "http.hidden_framing": (closed(400), {}),
    "http.chunked_in_http_1_0": (closed(400), {}),
    "http.chunk_size": (
        closed(400),
        # a number whose bytes do not come, within 4 GB more than the limit
        {"2**32 + 4": closed(408), "40 digits": closed(408)},
    ),
    "http.content_length": (closed(200, 200), {}),
    "http.chunked": (closed(200, 200), {}),
    "http.expect_continue": (answered(200), {"HTTP/1.0": closed(200)}),
    # requests
    "http.request_line": (
        closed(400),
        {
            **dict.fromkeys(("no version", "four words", "version of three parts"), closed(505)),
            **dict.fromkeys(("two spaces", "fragment"), kept(200)),
            **dict.fromkeys(("incomplete percent-encoding", "format string"), kept(404)),
        },
    ),
    "http.host": (closed(400), {}),
    "http.valid_host": (closed(200), {}),
    "http.fields": (closed(400), dict.fromkeys(("obs-text", "format string"), closed(200))),
    "http.line_ends": (closed(400), {"bare LF": closed(200)}),
    "http.empty_line": (closed(200), {}),
    "http.absolute_form": (closed(200), {}),
    "http.versions": (closed(505), dict.fromkeys(("HTTP/1.2", "HTTP/1.9"), closed(200))),
    "http.http_1_0": (closed(200), {}),
    "http.byte_by_byte": (closed(200), {}),
    "http.long_target": (closed(414), {}),
    "http.long_path": (closed(404), {}),
    "http.long_field": (closed(431), {}),
    "http.many_fields": (closed(431), {}),
    "http.browser": (answered(200), {}),
    # responses
    "http.get": (closed(200), {"a path that does not exist": closed(404)}),
    "http.head": (closed(200), {}),
    "http.methods": (
        closed(501),
        {
            "OPTIONS": closed(405),
            "OPTIONS *": closed(204),
        },
    ),
    # connections
    "http.keep_alive": (answered(200), {}),
    "http.connection_close": (closed(200), {}),
    "http.pipelining": (closed(200, 404, 200), {}),
    "http.half_close": (
        answered(200),
        {"three requests": "the server answered 200, then 200, then 200"},
    ),
    "http.aborted": ("", {}),
}
"""By check: the last exchange of a case in words, and the cases that end in another way."""

FAILURES: dict[str, tuple[str, ...]] = {
    "http.invalid_length": ("bad_request", "body_too_large"),
    "http.chunk_size": ("bad_request", "recv_timeout"),
    "http.request_line": ("bad_request", "tls_on_plain_http"),
    "http.long_target": ("uri_too_long",),
    "http.long_field": ("header_too_large",),
    "http.many_fields": ("header_too_large",),
    "http.aborted": ("peer_reset",),
    **dict.fromkeys(
        (
            "http.smuggling", "http.hidden_framing", "http.chunked_in_http_1_0", "http.host",
            "http.fields", "http.line_ends", "http.versions", "http.methods",
        ),
        ("bad_request",),
    ),
}  # fmt: skip
"""By check: the failures that the device counts."""

BODIES = {
    **{case: body.decode() for case, (_, _, body) in LENGTHS.items()},
    **{f"{method}, {name}": "body" for method in ("GET", "POST") for name in CHUNKED},
    **{
        f"{method}, {name}": body
        for method in ("GET", "POST")
        for name, body in {
            "no chunk": "",
            "three chunks": "one two " + "three" * 100,
            "upper-case digits": "0123456789",
            "a body like a request": INNER.decode(),
        }.items()
    },
    "a POST with a body": "body",
    "POST": "body",
    "GET": "body",
    "HTTP/1.0": "body",
}
"""By case: the body that the handler gets."""


def judge(case: str, answers: list[Exchange], handled: int) -> None:
    """Assert that each response is the handler's or an error's, and that handlers saw no other.

    Args:
        case: the check's case, which tells the body.
        answers: what the device answered.
        handled: how many requests handlers got.
    """
    responses = [response for each in answers for response in each.responses]
    good = [response for response in responses if response.status == 200]
    assert handled == len(good)
    assert all(response.json()["path"] == "/echo" for response in good if response.body)
    if good and case in BODIES:
        assert good[0].json()["body"] == BODIES[case]
    for each in answers:
        assert each.responses, str(each)
        *others, last = [response.header("connection") for response in each.responses]
        assert others == [None] * len(others)
        assert last == "close" or not each.ended


WITHOUT_TLS = {"http.half_close"}
"""Checks that ask nothing of a TLS server: TLS closes both directions at once."""
CASES = [
    pytest.param(name, scheme, marks=pytest.mark.failures(*FAILURES.get(name, ())))
    for name in ANSWERS
    for scheme in ("http", "https")
    if scheme == "http" or name not in WITHOUT_TLS
]


@pytest.mark.parametrize(("name", "scheme"), CASES)
def test_answers(name: str, scheme: str, shared_device: Device) -> None:
    """Each case of the check passes, and gets exactly the known answer."""
    check, server = CHECKS[name], SERVERS[scheme]
    subject = Subject(shared_device, SERVERS.values(), server)
    assert (normal(subject), pipelines(subject)) == (200, True)  # asked once for each server
    assert {chunked_support(subject, method) for method in ("GET", "POST")} == {"decodes"}
    answers, remarks = {}, {}
    for case in check.cases or [""]:
        before = shared_device.stats()["requests"]
        with recorded_answers() as recorded:
            seen = check.run(subject, case)
        if recorded:
            judge(case, recorded, shared_device.stats()["requests"] - before)
            answers[case] = str(recorded[-1])
        if seen is not None:
            remarks[case] = seen.sentence
    usual, others = ANSWERS[name]
    assert answers == (dict.fromkeys(check.cases or [""], usual) | others if usual else {})
    assert remarks == REMARKS.get(name, {})
