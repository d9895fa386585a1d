# SPDX-License-Identifier: MIT
"""Which findings are explained by traits of the server's software."""

from __future__ import annotations

from pathlib import Path

import pytest
from espbench.check.diagnosis.libraries import ESP_HTTP_SERVER, ESP_IDF, libraries_in
from espbench.check.diagnosis.traits import traits_of
from espbench.check.server import Server

HTTP, HTTPS = Server(80, http=True), Server(443, tls=True, http=True)


@pytest.mark.parametrize(
    ("sentence", "words"),
    [
        (
            "While one client waits in its handshake (nothing sent), no other client was served "
            "within 5 s by https on port 443.",
            ["esp_https_server does the whole handshake in the one task"],
        ),
        (
            "While 6 clients are connected to port 443 and send nothing, no other client was "
            "served within 5 s by http on port 80.",
            ["share lwIP's sockets", "in the one task"],
        ),
        (
            "After a client's close_notify, the server closed the connection without sending its "
            "own, which it must do first.",
            ["closes a session's socket before its TLS context"],
        ),
        (
            "After its response to 'Connection: close', it closes the connection without a "
            "close_notify.",
            ["closes a session's socket before its TLS context"],
        ),
        (
            "It did not serve a client that sent a ClientHello in two records, cut at byte 4: it.",
            ["Mbed TLS before 3.6.3"],
        ),
        (
            "It did not serve a client that sent a ClientHello in two records, cut at byte 1: it.",
            ["if TLS 1.3 is enabled and the first record has all 4 bytes of the message's header"],
        ),
        (
            "It closed the connection without an alert after a record of 2^14 + 2049 bytes: it "
            "must send the alert record_overflow or decode_error (RFC 8446, section 5.1).",
            ["one that does not fit its buffer"],
        ),
        (
            "It sent the alert protocol_version, although the client also supports TLS 1.2: a "
            "server has to choose the highest version that both support.",
            ["3.3 without the extension supported_versions"],
        ),
        (
            "It closed the connection without an alert after a record of type 99: it must send it.",
            ["Mbed TLS closes the connection without an alert after a record"],
        ),
        (
            "It cannot complete a handshake with TLS_ECDHE_RSA_WITH_ARIA_128_GCM_SHA256 (TLS "
            "failed: sslv3 alert bad record mac), although it chooses it.",
            ["CONFIG_MBEDTLS_GCM_SUPPORT_NON_AES_CIPHER"],
        ),
        (
            "It cannot complete a handshake with TLS_RSA_WITH_AES_128_GCM_SHA256 (TLS failed: "
            "sslv3 alert bad record mac), although it chooses it.",
            [],
        ),
        (
            "After 3 empty records and a request, the client got the alert close_notify.",
            ["mbedtls_ssl_read skips one empty record"],
        ),
        (
            "At 1 of 24 places that allocate during a request, a failed allocation harms more than "
            "that request: httpd_ssl_open (https_server.c:187) fails: 29152 bytes lost.",
            ["espressif/esp-idf#18776"],
        ),
        ("It negotiates TLS 1.1.", []),
        ("It panicked: LoadProhibited.", []),
    ],
)
def test_traits(sentence: str, words: list[str]) -> None:
    """A trait explains a finding on a TLS server, and none on a plain one."""
    found = traits_of(sentence, HTTPS)
    assert len(found) == len(words)
    assert all(word in trait for word, trait in zip(words, found, strict=True))
    assert not traits_of(sentence, HTTP)


def test_dropped_frames() -> None:
    """Frames that the emulated Ethernet's driver dropped are said to be dropped."""
    line = "W opencores.emac: emac_opencores_isr_handler: RX frame dropped (0x14) (8 times)"
    for server in (HTTP, HTTPS, None):
        assert [each[:36] for each in traits_of("It is silent.", server, [line])] == [
            "The driver of the emulated Ethernet "
        ]
        assert not traits_of("It is silent.", server, ["W httpd: slow"])


def test_a_certificate_that_is_read_late() -> None:
    """A check of certificates asks no particular server, but its finding is explained, too."""
    sentence = (
        "With no key, the console says 'I (2555) esp_https_server: Server listening "
        "on port 443', but no handshake works (it closed the connection during the TLS handshake)."
    )
    (found,) = traits_of(sentence, None)
    assert "reads certificate and key when a client connects" in found
    assert traits_of(sentence.replace("esp_https_server", "app"), None) == []


@pytest.mark.parametrize(
    ("sentence", "words"),
    [
        (
            "A GET with a chunked body (one chunk) was read as several requests: when a GET "
            "followed, the server answered 200, then 400.",
            "does not decode chunked bodies",
        ),
        (
            "A POST with 'Expect: 100-continue' got neither 100 nor a final response within 3 s.",
            "does not know Expect",
        ),
        ("A request with no Host field was served like a valid one (200).", "look at Host"),
        (
            "The connection is still open 3 s after the response to a GET with 'Connection: "
            "close': the server MUST close it after the response.",
            "does not look at Connection",
        ),
        (
            "While 8 clients send their head byte by byte, nobody else is served for 20 s.",
            "in the one task that serves all clients",
        ),
        ("A 405 response lacks Allow (RFC 9110, section 15.5.6: MUST).", "405 without Allow"),
        (
            "The response to HEAD (404) has a body, which a client can take for the next response.",
            "the body of the response to HEAD",
        ),
    ],
)
def test_esp_http_server(sentence: str, words: str) -> None:
    """What every user of esp_http_server sees is named, but not for another server."""
    (trait,) = traits_of(sentence, HTTP)
    assert words in trait
    assert traits_of(sentence, HTTP, (), ()) == []


@pytest.mark.parametrize(
    "sentence",
    [
        "After a client's close_notify, the server closed the connection without sending its own.",
        "While one client waits in its handshake, no other client was served within 5 s.",
    ],
)
def test_other_tls_server(sentence: str) -> None:
    """A server over TLS that is not esp_https_server, such as microdot, has its own faults."""
    assert traits_of(sentence, HTTPS)
    assert traits_of(sentence, HTTPS, (), (ESP_IDF,)) == []


def test_libraries(tmp_path: Path) -> None:
    """Libraries are found by their log tags, and by the header of ESP-IDF's applications."""
    image = tmp_path / "firmware.bin"
    assert libraries_in(image) == frozenset()
    image.write_bytes(b"\x32\x54\xcd\xab...httpd_txrx\0")
    assert libraries_in(image) == {ESP_IDF, ESP_HTTP_SERVER}
    image.write_bytes(b"MicroPython")
    assert libraries_in(image) == frozenset()
