# SPDX-License-Identifier: MIT
"""What the checks say a server negotiates: whose order it follows, and what was not tried."""

from __future__ import annotations

import ssl

import pytest
from espbench.check.families.tls import parameters
from fake_tls import FakeTls, outcome_of


@pytest.mark.parametrize(
    ("version", "own", "sentence"),
    [
        ("1.3", True, "of TLS 1.3 (first choice: AES_256_GCM_SHA384)"),
        ("1.3", False, "of TLS 1.3 (first choice: the client's)"),
        ("1.2", True, "of TLS 1.2 (first choice: ECDHE_ECDSA_WITH_AES_256_GCM_SHA384)"),
        ("1.2", False, "of TLS 1.2 (first choice: the client's)"),
    ],
)
def test_whose_order(version: str, own: bool, sentence: str) -> None:
    """A server that takes a client's first choice, as Mbed TLS does in TLS 1.3, has none."""
    server = FakeTls(version=version)
    if not own:
        server._context.options &= ~ssl.OP_CIPHER_SERVER_PREFERENCE
    with server.subject() as subject:
        assert sentence in outcome_of(subject, "tls.suites")


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("tls.suites", "at least 1 cipher suite of TLS 1.3"),
        ("tls.suites", "at least 1 cipher suite of TLS 1.2"),
        ("tls.groups", "It supports"),
        ("tls.signatures", "It signs with"),
        ("tls.suites_work", "It completes handshakes with"),
    ],
)
def test_a_slow_server(name: str, sentence: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What there was no time for is not taken for something that the server lacks."""
    monkeypatch.setattr(parameters, "BUDGET", 0.0)
    with FakeTls().subject() as subject:
        said = outcome_of(subject, name)
    assert sentence in said
    assert "; the others were not tried, as this took too long." in said


def test_no_figure_of_a_slow_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """A number of cipher suites is only compared with a baseline if all were tried."""
    found = []
    with FakeTls().subject() as subject:
        for budget in (25.0, 0.0):
            monkeypatch.setattr(parameters, "BUDGET", budget)
            observed = parameters.suites(subject)
            assert observed is not None
            found.append(len(observed.figures))
    assert found == [1, 0]
