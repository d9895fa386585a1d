# SPDX-License-Identifier: MIT
"""`Established`: a TLS session whose records are built by hand, such as empty ones.

It uses tlslite-ng, because OpenSSL encrypts nothing but application data for its user.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Self

from espbench.clients.errors import ClientTimeout, ConnectionEnded, TlsError
from espbench.clients.tcp import Stream
from espbench.clients.tls import Tls
from espbench.util.timeouts import Deadline
from espbench.util.tlslite_import import import_tlslite

__all__ = ["Established", "asks_for_certificate"]

APPLICATION_DATA = 23


def _connection(stream: Stream) -> Any:
    """Return a connection that remembers what it has sent in its handshake."""
    import_tlslite()
    from tlslite.messages import Certificate, Finished
    from tlslite.tlsconnection import TLSConnection

    class Remembering(TLSConnection):  # type: ignore[misc]
        client_verify_data = b""
        asked = False

        def _sendMsg(self, message: Any, *arguments: Any, **more: Any) -> Any:  # noqa: N802
            if isinstance(message, Certificate):
                self.asked = True
            if isinstance(message, Finished):
                self.client_verify_data = bytes(message.verify_data)
            return super()._sendMsg(message, *arguments, **more)

    return Remembering(stream.sock)


def _settings() -> Any:
    import_tlslite()
    from tlslite.handshakesettings import HandshakeSettings

    settings = HandshakeSettings()
    settings.minVersion, settings.maxVersion = (3, 3), (3, 4)
    # tlslite-ng 0.8 compresses its Certificate (RFC 8879) even if the server did not offer it.
    settings.certificate_compression_send = settings.certificate_compression_receive = ()
    return settings


def asks_for_certificate(stream: Stream, timeout: float) -> bool:
    """Return whether a server asks its clients for a certificate, by a handshake without one.

    Args:
        stream: a fresh TCP connection.
        timeout: seconds (before scaling) for the handshake.
    """
    import_tlslite()
    from tlslite.errors import BaseTLSException

    connection = _connection(stream)

    stream.sock.settimeout(Deadline(timeout).remaining())
    with suppress(BaseTLSException, OSError):
        connection.handshakeClientCert(settings=_settings(), serverName="espbench.test")
    return bool(connection.asked)


def _credentials(tls: Tls | None) -> tuple[Any, Any]:
    """Return certificates and private key of a client, as tlslite-ng wants them."""
    if tls is None or tls.certificate is None:
        return None, None
    import_tlslite()
    from tlslite.utils.keyfactory import parsePEMKey
    from tlslite.x509certchain import X509CertChain

    chain = X509CertChain()
    chain.parsePemList(tls.certificate.read_text(encoding="ascii"))
    key = (tls.key or tls.certificate).read_text(encoding="ascii")
    return chain, parsePEMKey(key, private=True, implementations=["python"])


class Established:
    """A TLS session over a TCP connection; the certificate is not verified."""

    def __init__(
        self,
        stream: Stream,
        timeout: float,
        tls: Tls | None = None,
        shares: Sequence[str] | None = None,
    ) -> None:
        """Do the handshake.

        Args:
            stream: a fresh TCP connection.
            timeout: seconds (before scaling) for it.
            tls: has the client's certificate, if the server asks for one.
            shares: the groups of the key shares in the first ClientHello, in tlslite-ng's words;
                None: the usual ones.

        Raises:
            TlsError: it failed.
            ConnectionEnded: the peer closed the connection.
            ClientTimeout: it took longer than `timeout` seconds (before scaling).
        """
        # tlslite-ng takes 0.2 s to import, so it is imported when it is needed.
        import_tlslite()
        from tlslite.errors import BaseTLSException, TLSAbruptCloseError

        self.stream = stream
        stream.sock.settimeout(Deadline(timeout).remaining())
        self._connection = _connection(stream)
        settings = _settings()
        if shares is not None:
            settings.keyShares = list(shares)
        try:
            self._connection.handshakeClientCert(
                *_credentials(tls), settings=settings, serverName="espbench.test"
            )
        except TimeoutError:
            raise ClientTimeout("The server did not complete the TLS handshake in time.") from None
        except (TLSAbruptCloseError, ConnectionError) as error:
            raise ConnectionEnded(
                "The server closed the connection during the TLS handshake.",
                reset=isinstance(error, ConnectionResetError),
            ) from None
        except BaseTLSException as error:
            raise TlsError(f"The TLS handshake failed: {error}.", reason="") from None

    @property
    def version(self) -> int:
        """The protocol version, such as 0x0303."""
        major, minor = self._connection.version
        return int(major) << 8 | int(minor)

    @property
    def client_verify_data(self) -> bytes:
        """The content of the client's Finished, for RFC 5746."""
        return bytes(self._connection.client_verify_data)

    def send(self, content_type: int, data: bytes) -> None:
        """Send data, which may be empty, in one encrypted record.

        Raises:
            ConnectionEnded: the peer has ended the connection.
        """
        from tlslite.messages import Message

        try:
            for _ in self._connection._recordLayer.sendRecord(
                Message(content_type, bytearray(data))
            ):
                pass
        except OSError:
            raise ConnectionEnded("The server has ended the connection.", reset=True) from None

    def send_data(self, data: bytes) -> None:
        """Send application data in one record.

        Raises:
            ConnectionEnded: the peer has ended the connection.
        """
        self.send(APPLICATION_DATA, data)

    def update_key(self) -> None:
        """Send a KeyUpdate, and use the new key from then on (RFC 8446, section 4.6.3).

        Raises:
            ConnectionEnded: the peer has ended the connection.
        """
        from tlslite.constants import KeyUpdateMessageType

        try:
            for _ in self._connection.send_keyupdate_request(
                KeyUpdateMessageType.update_not_requested
            ):
                pass
        except OSError:
            raise ConnectionEnded("The server has ended the connection.", reset=True) from None

    @contextmanager
    def in_one_segment(self) -> Iterator[None]:
        """Send the records of the block together at its end, so that they arrive together.

        A server that reads them one by one, as they arrive, need not see what is wrong with two.

        Raises:
            ConnectionEnded: the peer has ended the connection.
        """
        buffered = self._connection.sock
        buffered.buffer_writes = True
        try:
            yield
            buffered.flush()
        except OSError:
            raise ConnectionEnded("The server has ended the connection.", reset=True) from None
        finally:
            buffered.buffer_writes = False

    def receive(self, timeout: float) -> tuple[int, bytes] | None:
        """Return type and content of the next record; None if the connection has ended.

        Raises:
            ClientTimeout: there was none within `timeout` seconds (before scaling).
            TlsError: it cannot be decrypted, or is malformed.
        """
        from tlslite.errors import TLSError, TLSProtocolException

        deadline = Deadline(timeout)
        self.stream.sock.settimeout(max(0.001, deadline.remaining()))
        try:
            for result in self._connection._recordLayer.recvRecord():
                if result not in (0, 1):
                    header, parser = result
                    return int(header.type), bytes(parser.bytes)
        except TimeoutError:
            raise ClientTimeout(f"The server sent no record within {deadline}.") from None
        except TLSProtocolException as error:
            raise TlsError(f"The server sent an invalid record: {error}.", reason="") from None
        except (TLSError, OSError):
            return None
        return None

    def __enter__(self) -> Self:
        """Return the session."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the TCP connection."""
        self.stream.close()
