# SPDX-License-Identifier: MIT
"""Known traits of servers' software, which explain findings that are not the author's own; pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

from espbench.check.server import Server

__all__ = ["dropped_frames", "traits_of"]

ONE_TASK = (
    "A trait of ESP-IDF's esp_https_server: it does the whole handshake in the one task that also "
    "serves all clients (httpd_ssl_open in components/esp_https_server/src/https_server.c)."
)
UNNOTIFIED = (
    "A trait of ESP-IDF's esp_http_server: it closes a session's socket before the TLS context "
    "(httpd_sess_delete in components/esp_http_server/src/httpd_sess.c), so it sends none."
)
SHARED_SOCKETS = (
    "A trait of ESP-IDF: all servers share lwIP's sockets (CONFIG_LWIP_MAX_SOCKETS, 10 by default)."
)
FRAGMENTED = (
    "A trait of Mbed TLS: before 3.6.3 it takes no handshake message that is cut into records, and "
    "later versions take such a ClientHello with TLS 1.3 enabled only."
)
CLIENT_VERSION = (
    "A trait of Mbed TLS 3: without the extension supported_versions it takes client_version 3.3 "
    "alone (ssl_parse_client_hello in library/ssl_tls12_server.c)."
)
UNKNOWN_RECORD = (
    "A trait of Mbed TLS: it ends the connection at a record with an unknown header without an "
    "alert (ssl_parse_record_header in library/ssl_msg.c)."
)

ARIA_GCM = (
    "A trait of ESP-IDF: with CONFIG_MBEDTLS_GCM_SUPPORT_NON_AES_CIPHER off, the default before "
    "v5.5, it computes AES-GCM in place of ARIA-GCM (components/mbedtls/Kconfig)."
)
EMPTY_RECORDS = (
    "A trait of Mbed TLS: mbedtls_ssl_read skips one empty record, and returns 0 at the next one, "
    "which its callers take for the end (library/ssl_msg.c)."
)
LOST_SESSION = (
    "A known bug of ESP-IDF: httpd_ssl_open forgets the session when it cannot allocate its "
    "transport context (espressif/esp-idf#18776)."
)
LATE_CERTIFICATE = (
    "A trait of ESP-IDF's esp_https_server: it reads certificate and key when a client connects, "
    "not when it starts (httpd_ssl_open in components/esp_https_server/src/https_server.c)."
)

_TRAITS: Sequence[tuple[re.Pattern[str], str]] = (
    (re.compile(r"While \d+ clients .* no other client .* by http on"), SHARED_SOCKETS),
    (re.compile(r"While .*(handshake|ClientHello|send nothing).* no other client"), ONE_TASK),
    (re.compile(r"without (its own|a close_notify)"), UNNOTIFIED),
    (re.compile(r"in (two records|records of one byte)"), FRAGMENTED),
    (re.compile(r"protocol_version, although the client also supports"), CLIENT_VERSION),
    (re.compile(r"without an alert after a record of type"), UNKNOWN_RECORD),
    (re.compile(r"_ARIA_\d+_GCM_\w+ \(TLS with it failed: .* bad record mac\)"), ARIA_GCM),
    (re.compile(r"After 3 empty records"), EMPTY_RECORDS),
    (re.compile(r"httpd_ssl_open \(https_server\.c:\d+\) fails: \d+ bytes"), LOST_SESSION),
)
"""A finding's sentence on a TLS server, and what explains it."""

_STARTED_ANYWAY = re.compile(r"says '[^']*esp_https_server: Server listening.*, but no handshake")
"""A finding of a check that asks no particular server."""


DROPPED = (
    "A trait of the emulated Ethernet: its driver dropped frames here (see the console), so a "
    "client's last packet may not have arrived, as on a network that loses packets. A firmware for "
    "QEMU loses fewer with CONFIG_ETH_OPENETH_DMA_RX_BUFFER_NUM=16."
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
