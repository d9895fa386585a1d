# SPDX-License-Identifier: MIT
"""The checks of the family http: a correct server passes each, a wrong one fails the right ones."""

from __future__ import annotations

import pytest
from espbench.check.answer_log import recorded_answers
from espbench.check.families import all_checks
from espbench.check.families.http import slow, traversal
from espbench.check.families.http.exchange import pipelines
from espbench.check.profile import ExpectedAnswer
from fake_device import check_named, fault_of, listening, subject_of
from fake_http import FakeHttp

HTTP = [each.name for each in all_checks() if each.family == "http"]


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("name", HTTP)
def test_a_correct_server(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A correct server passes each check, in each of its cases."""
    monkeypatch.setattr(slow, "WATCH", 0.5)
    expected = (ExpectedAnswer("/", 200, "espbench"), ExpectedAnswer("/none", 404))
    with listening(FakeHttp().serve) as port:
        check = check_named(name)
        subject = subject_of(port, paths=expected)
        for case in check.cases or {"": None}:
            check.run(subject, case)


FAULTS = [
    ("http.get", "wrong date", "Date is 'yesterday'"),
    ("http.get", "both lengths", "both Content-Length and Transfer-Encoding"),
    ("http.get", "close-delimited", "A client cannot tell where the response ends"),
    ("http.get", "answers twice", "several responses"),
    ("http.head", "HEAD with a body", "has a body"),
    ("http.methods:OPTIONS", "405 without Allow", "lacks Allow"),
    ("http.methods:unknown", "hangs on methods", "FROB got no answer"),
    ("http.expected_answers", "wrong page", "expects 'espbench' in the body"),
    ("http.request_line:one word", "hangs on garbage", "['hello?' gets no answer"),
    ("http.host:missing", "any host", "no Host field was served like a valid one (200)"),
    ("http.host:twice", "any host", "was served like a valid one"),
    ("http.host:blank inside", "any host", "was served like a valid one"),
    ("http.valid_host:IPv6 address", "no IPv6 host", "was not served like any other"),
    ("http.fields:blank before the colon", "trims names", "the server MUST answer 400"),
    ("http.line_ends:bare CR", "lines end with CR", "a bare CR was served"),
    ("http.absolute_form:absolute", "no absolute form", "MUST accept the absolute form"),
    ("http.http_1_0", "never closes", "has to close it after the response"),
    ("http.http_1_0", "chunked to HTTP/1.0", "does not know Transfer-Encoding"),
    ("http.content_length:GET, a short body", "ignores bodies", "was read as several requests"),
    (
        "http.content_length:GET, a body like a request",
        "ignores bodies",
        "was read as several requests",
    ),
    ("http.chunked:GET, one chunk", "ignores codings", "was read as several requests"),
    ("http.chunked:POST, a body like a request", "ignores codings", "was read as several requests"),
    ("http.chunked:POST, framing in a trailer", "no trailers", "was read as several requests"),
    ("http.chunked:POST, an extension", "no extensions", "although the server decodes other"),
    ("http.chunked:POST, one chunk", "refuses chunks", "[A POST with a chunked body is refused"),
    ("http.chunked:POST, an extension", "refuses chunks", ""),
    ("http.chunk_size:2**32 + 4", "lenient chunks", "A GET after the invalid chunk"),
    ("http.chunk_size:minus", "lenient chunks", "A GET after the invalid chunk"),
    ("http.chunk_size:letters", "lenient chunks", "A GET after the invalid chunk"),
    ("http.expect_continue:POST", "no 100", "got neither 100 nor a final response"),
    ("http.expect_continue:HTTP/1.0", "100 to HTTP/1.0", "MUST NOT send it a 1xx"),
    ("http.smuggling:unknown", "any coding", "What follows a POST with"),
    ("http.smuggling:chunked, gzip", "any coding", "What follows a POST with"),
    ("http.smuggling:coding and length", "coding and length", "was taken for a request"),
    ("http.smuggling:chunked, gzip in a fold", "drops folds", "was taken for a request"),
    ("http.invalid_length:two lengths", "last length", "What follows"),
    ("http.invalid_length:two numbers by a fold", "drops folds", "was taken for a request"),
    ("http.invalid_length:2**64 - 1", "signed lengths", "was taken for a request"),
    ("http.invalid_length:minus", "lenient lengths", "was taken for a request"),
    ("http.invalid_length:2**32 + 4", "lenient lengths", "was taken for a request"),
    ("http.hidden_framing:length in a fold", "reads folds", "has to refuse the first one or"),
    ("http.hidden_framing:length after a NUL", "splits at NUL", "has to refuse the first one or"),
    ("http.hidden_framing:coding as a fold", "drops folds", "has to refuse the first one or"),
    ("http.chunked_in_http_1_0:keep-alive", "codings in HTTP/1.0", "was taken for a request"),
    ("http.keep_alive", "one request", "Request 2 on a connection was not answered"),
    ("http.keep_alive", "says close", "the connection is still open"),
    ("http.connection_close", "never closes", "MUST close it after the response"),
    ("http.pipelining", "one request", "[Not all pipelined requests are"),
    ("http.pipelining", "answers twice", "200, 404 and 200 one by one, but"),
    ("http.long_path", "crashes on a long path", "A path of 4001 bytes was not refused"),
    ("http.browser", "short heads", "that Chromium sends is not served"),
    ("http.byte_by_byte:a GET", "one segment", "in segments of one byte was not served"),
    ("http.byte_by_byte:a POST with a body", "bodies in one segment", "A POST in segments of one"),
    ("http.aborted:reset in the request line", "keeps places", "had reset their connection in the"),
    ("http.aborted:close in a body", "keeps places", "had closed their connection in a body"),
    ("http.traversal:dots at the root", "serves files", "returns a private key"),
    ("http.traversal:encoded dots", "serves files", "returns a private key"),
]


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(("name", "fault", "sentence"), FAULTS)
def test_a_fault(name: str, fault: str, sentence: str) -> None:
    """A server with a fault fails the check for it, with a sentence about it."""
    expected = (ExpectedAnswer("/", 200, "espbench"),)
    with listening(FakeHttp(fault).serve, at_once=4) as port:
        subject = subject_of(port, paths=expected, files={"/key.pem": b"", "/main.py": b""})
        said = fault_of(subject, name)
    assert sentence in said
    assert bool(sentence) == bool(said)


@pytest.mark.parametrize(("fault", "expected"), [("", True), ("pipelines by chance", False)])
def test_pipelines(fault: str, expected: bool) -> None:
    """A server that answers a pipelined request once does not count as one that does."""
    with listening(FakeHttp(fault).serve) as port:
        assert pipelines(subject_of(port)) is expected


@pytest.mark.parametrize(
    "name", ["http.pipelining", "http.content_length:GET, a short body", "http.line_ends:bare CR"]
)
def test_a_slow_server(name: str) -> None:
    """A server that takes a second for each response, such as a search in SPIFFS, has no fault."""
    with listening(FakeHttp("slow").serve) as port:
        subject = subject_of(port)
        assert pipelines(subject)
        assert not fault_of(subject, name)


def test_answers_are_recorded() -> None:
    """A test can look at each answer to a check, and at none that came before or after."""
    with listening(FakeHttp().serve) as port:
        subject = subject_of(port)
        check = check_named("http.invalid_length")
        check.run(subject, "plus")
        with recorded_answers() as answers:
            check.run(subject, "plus")
            check.run(subject, "2**32 + 4")
        check.run(subject, "minus")
    assert [str(each) for each in answers] == [
        "the server answered 400 and closed the connection",
        "the server answered 413 and closed the connection",
    ]


BEHIND = [
    ("http.chunked:GET, one chunk", "ignores codings", "was read as several requests"),
    ("http.content_length:GET, a short body", "ignores bodies", "was read as several requests"),
    ("http.smuggling:unknown", "any coding", "What follows a POST with"),
    ("http.invalid_length:two lengths", "last length", "What follows"),
    ("http.hidden_framing:length in a fold", "reads folds", "has to refuse the first one or"),
    ("http.content_length:POST, a short body", "", ""),
    ("http.hidden_framing:length in a fold", "", ""),
]


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(("name", "fault", "sentence"), BEHIND)
def test_what_is_behind_a_request(name: str, fault: str, sentence: str) -> None:
    """A server that reads on only when more comes, as ESP-IDF's over TLS, cannot hide a fault."""
    with listening(FakeHttp("waits for more", fault).serve, at_once=4) as port:
        subject = subject_of(port)
        assert not pipelines(subject)
        said = fault_of(subject, name)
    assert sentence in said
    assert bool(sentence) == bool(said)


def test_slow_lookups(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that searches long for each file is not asked for all of them, and does not fail."""
    monkeypatch.setattr(traversal, "BUDGET", 0.0)
    with listening(FakeHttp().serve) as port:
        said = fault_of(subject_of(port), "http.traversal:dots")
    assert said == "[It answers so slowly that 4 files were not tried.]"


def test_each_check_can_fail() -> None:
    """Each check of the family fails on a fault, here or under load, unless it only observes."""
    load = {
        "at_once",
        "held_connections",
        "idle_connections",
        "slow_bodies",
        "slow_heads",
        "unread",
    }
    tried = {
        name.partition(":")[0] for name, _, sentence in FAULTS if sentence[:1] not in ("", "[")
    }
    tried |= {f"http.{name}" for name in load}  # in test_http_load.py
    observes = {"empty_line", "half_close", "long_field", "long_target", "many_fields",
                "pipelining", "request_line", "versions"}  # fmt: skip
    observes = {f"http.{name}" for name in observes}
    assert set(HTTP) - observes <= tried
