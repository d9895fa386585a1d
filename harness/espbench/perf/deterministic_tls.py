# SPDX-License-Identifier: MIT
"""`FixedTls`: a TLS 1.2 client that sends the same bytes in every run, with any OpenSSL.

It uses tlslite-ng because OpenSSL's random numbers cannot be fixed from Python, and OpenSSL's
offers change with its version.
"""

from __future__ import annotations

from typing import Any

from espbench.certs.deterministic_random import fixed_random
from espbench.certs.pki import SERVER_NAME
from espbench.clients.errors import ClientTimeout, ConnectionEnded, TlsError
from espbench.clients.tcp import Stream, Timeout
from espbench.util.tlslite_import import import_tlslite


def _settings() -> Any:
    import_tlslite()
    from tlslite.handshakesettings import HandshakeSettings

    settings = HandshakeSettings()
    settings.minVersion = settings.maxVersion = (3, 3)
    settings.cipherNames = ["aes128gcm"]
    settings.keyExchangeNames = ["ecdhe_rsa", "ecdhe_ecdsa"]
    settings.eccCurves = ["secp256r1"]
    settings.keyShares = []
    return settings


class FixedTls:
    """A TLS connection over a TCP connection; it does not verify the certificate."""

    def __init__(self, raw: Stream, seed: str, timeout: Timeout = None) -> None:
        """Perform the handshake, with random numbers derived from `seed`.

        Raises:
            TlsError: the handshake failed.
            ConnectionEnded: the peer closed the connection during the handshake.
            ClientTimeout: it took too long.
        """
        import_tlslite()
        from tlslite.errors import TLSAbruptCloseError, TLSError
        from tlslite.tlsconnection import TLSConnection

        self.raw = raw
        deadline = raw.deadline(timeout)
        raw.sock.settimeout(deadline.remaining())
        self._connection = TLSConnection(raw.sock)
        try:
            with fixed_random(seed):
                self._connection.handshakeClientCert(settings=_settings(), serverName=SERVER_NAME)
        except TimeoutError:
            raise ClientTimeout(
                f"{raw.peer} did not complete the TLS handshake within {deadline}."
            ) from None
        except (TLSAbruptCloseError, ConnectionError) as error:
            raise ConnectionEnded(
                f"{raw.peer} closed the connection during the TLS handshake.",
                reset=isinstance(error, ConnectionResetError),
            ) from None
        except TLSError as error:
            words = str(error) or type(error).__name__
            raise TlsError(f"TLS with {raw.peer} failed: {words}.", reason="") from None

    def send(self, data: bytes, timeout: Timeout = None) -> None:
        """Send all of the data."""
        self.raw.sock.settimeout(self.raw.deadline(timeout).remaining())
        self._connection.write(data)

    def receive(self, timeout: Timeout = None) -> bytes:
        """Return available data, at least one byte; b"" if the peer closed the connection."""
        self.raw.sock.settimeout(self.raw.deadline(timeout).remaining())
        return bytes(self._connection.read())

    def close(self) -> None:
        """Close the TCP connection without close_notify, which no figure depends on."""
        self.raw.close()

    def reset(self) -> None:
        """Reset the TCP connection."""
        self.raw.reset()
