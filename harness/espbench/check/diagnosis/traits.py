# SPDX-License-Identifier: MIT
"""Known traits of servers' software, which explain findings that are not the author's own; pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

from espbench.check.server import Server

__all__ = ["dropped_frames", "traits_of"]

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
    "versions accept such a ClientHello only if TLS 1.3 is enabled."
)
CLIENT_VERSION = (
    "Mbed TLS 3 accepts no client_version but 3.3 without the extension supported_versions "
    "(ssl_parse_client_hello in library/ssl_tls12_server.c)."
)
UNKNOWN_RECORD = (
    "Mbed TLS closes the connection without an alert after a record with an unknown header "
    "(ssl_parse_record_header in library/ssl_msg.c)."
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

_TRAITS: Sequence[tuple[re.Pattern[str], str]] = (
    (re.compile(r"While \d+ clients .* no other client .* by http on"), SHARED_SOCKETS),
    (re.compile(r"While .*(handshake|ClientHello|send nothing).* no other client"), ONE_TASK),
    (re.compile(r"without (sending its own|a close_notify)"), UNNOTIFIED),
    (re.compile(r"in (two records|records of one byte)"), FRAGMENTED),
    (re.compile(r"protocol_version, although the client also supports"), CLIENT_VERSION),
    (re.compile(r"without an alert after a record of type"), UNKNOWN_RECORD),
    (re.compile(r"_ARIA_\d+_GCM_\w+ \(TLS failed: .* bad record mac\)"), ARIA_GCM),
    (re.compile(r"After 3 empty records"), EMPTY_RECORDS),
    (re.compile(r"httpd_ssl_open \(https_server\.c:\d+\) fails: \d+ bytes"), LOST_SESSION),
)
"""A finding's sentence on a TLS server, and what explains it."""

_STARTED_ANYWAY = re.compile(r"says '[^']*esp_https_server: Server listening.*, but no handshake")
"""A finding of a check that asks no particular server."""


DROPPED = (
    "The driver of the emulated Ethernet dropped frames (see the console), so a client's packet "
    "may not have arrived, as on a network that loses packets. Firmware for QEMU loses fewer with "
    "CONFIG_ETH_OPENETH_DMA_RX_BUFFER_NUM=16."
)
"""emac_opencores_isr_handler (components/esp_eth/src/openeth/esp_eth_mac_openeth.c)."""


def dropped_frames(console: Sequence[str]) -> bool:
    """Return whether lines of the console say that the emulated Ethernet dropped frames."""
    return any("RX frame dropped" in line for line in console)


def traits_of(sentence: str, server: Server | None, console: Sequence[str] = ()) -> Sequence[str]:
    """Return sentences that explain a finding by known traits of the server's software.

    Args:
        sentence: the finding.
        server: the server that was asked.
        console: the console's errors and warnings of that moment.
    """
    dropped = [DROPPED] if dropped_frames(console) else []
    if _STARTED_ANYWAY.search(sentence):
        return [LATE_CERTIFICATE, *dropped]
    if server is None or not server.tls:
        return dropped
    return [*(trait for pattern, trait in _TRAITS if pattern.search(sentence)), *dropped]
