# SPDX-License-Identifier: MIT
"""Known traits of servers' software, which explain findings that are not the author's own; pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from espbench.check.diagnosis.libraries import ESP_HTTP_SERVER, ESP_HTTPS_SERVER, ESP_IDF
from espbench.check.server import Server

__all__ = ["dropped_frames", "label_of", "traits_of"]

ONE_TASK = (
    "ESP-IDF's esp_https_server does the whole handshake in the one task that also serves all "
    "clients (httpd_ssl_open in components/esp_https_server/src/https_server.c)."
)
UNNOTIFIED = (
    "ESP-IDF's esp_http_server closes a session's socket before its TLS context "
    "(httpd_sess_delete in components/esp_http_server/src/httpd_sess.c), so it sends no "
    "close_notify."
)
SHARED_SOCKETS = (
    "All servers of ESP-IDF share lwIP's sockets (CONFIG_LWIP_MAX_SOCKETS, 10 by default)."
)
FRAGMENTED = (
    "Mbed TLS before 3.6.3 accepts no handshake message that is fragmented into records; later "
    "versions accept such a ClientHello only if TLS 1.3 is enabled and the first record has all 4 "
    "bytes of the message's header (mbedtls_ssl_prepare_handshake_record in library/ssl_msg.c)."
)
CLIENT_VERSION = (
    "Mbed TLS 3 accepts no client_version but 3.3 without the extension supported_versions "
    "(ssl_parse_client_hello in library/ssl_tls12_server.c; where TLS 1.3 is enabled, "
    "ssl_tls13_parse_client_hello in library/ssl_tls13_server.c)."
)
UNKNOWN_RECORD = (
    "Mbed TLS closes the connection without an alert after a record with an unknown header or one "
    "that does not fit its buffer (ssl_parse_record_header and mbedtls_ssl_fetch_input in "
    "library/ssl_msg.c)."
)

ARIA_GCM = (
    "With CONFIG_MBEDTLS_GCM_SUPPORT_NON_AES_CIPHER off, the default before v5.5, ESP-IDF computes "
    "AES-GCM instead of ARIA-GCM (components/mbedtls/Kconfig)."
)
EMPTY_RECORDS = (
    "In Mbed TLS, mbedtls_ssl_read skips one empty record and returns 0 for the next, which its "
    "callers take for the end of the connection (library/ssl_msg.c)."
)
LOST_SESSION = (
    "In ESP-IDF, httpd_ssl_open leaks the session when it cannot allocate its transport context "
    "(espressif/esp-idf#18776)."
)
LATE_CERTIFICATE = (
    "ESP-IDF's esp_https_server reads certificate and key when a client connects, not when it "
    "starts (httpd_ssl_open in components/esp_https_server/src/https_server.c)."
)

CHUNKS = (
    "ESP-IDF's esp_http_server does not decode chunked bodies: it reads as many bytes as "
    "Content-Length says and parses the rest as the next request "
    "(components/esp_http_server/src/httpd_parse.c)."
)
NO_CONTINUE = (
    "ESP-IDF's esp_http_server does not know Expect: 100-continue "
    "(components/esp_http_server/src/httpd_parse.c)."
)
NO_HOST = (
    "ESP-IDF's esp_http_server does not look at Host, and serves a request without it "
    "(components/esp_http_server/src/httpd_parse.c)."
)
KEPT_OPEN = (
    "ESP-IDF's esp_http_server does not look at Connection, and keeps each connection until the "
    "client closes it or another one needs its place (components/esp_http_server/src/httpd_sess.c)."
)
ONE_SERVER_TASK = (
    "ESP-IDF's esp_http_server reads each request to its end in the one task that serves all "
    "clients (httpd_server in components/esp_http_server/src/httpd_main.c)."
)
NO_ALLOW = (
    "ESP-IDF's esp_http_server sends its own 405 without Allow (httpd_resp_send_err in "
    "components/esp_http_server/src/httpd_txrx.c)."
)
ERROR_BODY = (
    "ESP-IDF's esp_http_server sends the text of an error as the body of the response to HEAD, too "
    "(httpd_resp_send_err in components/esp_http_server/src/httpd_txrx.c)."
)

_HTTP: Sequence[tuple[re.Pattern[str], str]] = (
    (re.compile(r"chunked.* was read as several requests"), CHUNKS),
    (re.compile(r"'Expect: 100-continue' got neither"), NO_CONTINUE),
    (re.compile(r"(no Host field|'Host: ).* served"), NO_HOST),
    (re.compile(r"still open .* (with|to) .*('Connection: close'|HTTP/1\.0)"), KEPT_OPEN),
    (re.compile(r"(head|body) byte by byte, nobody else"), ONE_SERVER_TASK),
    (re.compile(r"405 response lacks Allow"), NO_ALLOW),
    (re.compile(r"response to HEAD \(4\d\d\) has a body"), ERROR_BODY),
)
"""A finding's sentence on esp_http_server, and what explains it."""

_TLS: Sequence[tuple[re.Pattern[str], str, str]] = (
    (re.compile(r"While \d+ clients .* no other client .* by http on"), SHARED_SOCKETS, ESP_IDF),
    (
        re.compile(r"While .*(handshake|ClientHello|send nothing).* no other client"),
        ONE_TASK,
        ESP_HTTPS_SERVER,
    ),
    (re.compile(r"without (sending its own|a close_notify)"), UNNOTIFIED, ESP_HTTPS_SERVER),
    (re.compile(r"in (two records|records of one byte)"), FRAGMENTED, ""),
    (re.compile(r"protocol_version, although the client also supports"), CLIENT_VERSION, ""),
    (re.compile(r"without an alert after a record of"), UNKNOWN_RECORD, ""),
    (re.compile(r"_ARIA_\d+_GCM_\w+ \(TLS failed: .* bad record mac\)"), ARIA_GCM, ESP_IDF),
    (re.compile(r"After 3 empty records"), EMPTY_RECORDS, ""),
    (
        re.compile(r"httpd_ssl_open \(https_server\.c:\d+\) fails: \d+ bytes"),
        LOST_SESSION,
        ESP_HTTPS_SERVER,
    ),
)
"""A finding's sentence on a TLS server, what explains it, and the library that has to be there."""

_STARTED_ANYWAY = re.compile(r"says '[^']*esp_https_server: Server listening.*, but no handshake")
"""A finding of a check that asks no particular server."""


DROPPED = (
    "The driver of the emulated Ethernet dropped frames (see the console), so a client's packet "
    "may not have arrived, as on a network that loses packets. Firmware for QEMU loses fewer with "
    "CONFIG_ETH_OPENETH_DMA_RX_BUFFER_NUM=16."
)
"""emac_opencores_isr_handler (components/esp_eth/src/openeth/esp_eth_mac_openeth.c)."""


def label_of(trait: str) -> str:
    """Return what a sentence of `traits_of` is: an explanation, or a doubt about the finding."""
    return "note" if trait == DROPPED else "known behaviour"


def dropped_frames(console: Sequence[str]) -> bool:
    """Return whether lines of the console say that the emulated Ethernet dropped frames."""
    return any("RX frame dropped" in line for line in console)


def traits_of(
    sentence: str,
    server: Server | None,
    console: Sequence[str] = (),
    libraries: Collection[str] = (ESP_IDF, ESP_HTTP_SERVER, ESP_HTTPS_SERVER),
) -> Sequence[str]:
    """Return sentences that explain a finding by known traits of the server's software.

    Args:
        sentence: the finding.
        server: the server that was asked.
        console: the console's errors and warnings of that moment.
        libraries: what the firmware contains; other servers have faults of their own.
    """
    found = [DROPPED] if dropped_frames(console) else []
    if _STARTED_ANYWAY.search(sentence):
        return [LATE_CERTIFICATE, *found]
    if server is not None and server.http and ESP_HTTP_SERVER in libraries:
        found = [*(trait for pattern, trait in _HTTP if pattern.search(sentence)), *found]
    if server is not None and server.tls:
        known = [
            trait
            for pattern, trait, library in _TLS
            if (not library or library in libraries) and pattern.search(sentence)
        ]
        found = [*known, *found]
    return found
