# SPDX-License-Identifier: MIT
"""Several clients at once, and the endpoints that they connect to."""

from __future__ import annotations

import threading

import pytest
from espbench import clients
from espbench.clients import ClientTimeout, Endpoint, Endpoints, Tls, run_concurrently


def test_all_run_at_once() -> None:
    """Clients that wait for each other only continue because all of them run."""
    meeting = threading.Barrier(5, timeout=5)
    outcomes = run_concurrently([meeting.wait] * 5)
    assert sorted(outcome.get() for outcome in outcomes) == [0, 1, 2, 3, 4]


def test_an_outcome_has_its_error_and_its_time() -> None:
    """A client's error does not end the others, and is raised by `get`."""

    def fails() -> int:
        raise ClientTimeout("The device was silent.")

    good, bad = run_concurrently([lambda: 1, fails])
    assert good.get() == 1
    assert 0 <= bad.began <= bad.ended
    with pytest.raises(ClientTimeout):
        bad.get()


def test_other_exceptions_are_raised() -> None:
    """A failed assertion in a client is raised in the test."""

    def wrong() -> None:
        raise AssertionError("wrong")

    with pytest.raises(AssertionError, match="wrong"):
        run_concurrently([wrong])


def test_a_hanging_client_is_a_timeout() -> None:
    """The error gives the number of clients that did not end in time."""
    forever = threading.Event()
    with pytest.raises(TimeoutError, match="1 clients did not end"):
        run_concurrently([lambda: forever.wait(20)], timeout=0.05)
    forever.set()


class FourPorts:
    """A device with two host ports for each guest port."""

    def ports(self, guest_port: int) -> list[int]:
        """Return two host ports."""
        return [guest_port * 10, guest_port * 10 + 1]


def test_endpoints_take_turns() -> None:
    """Each access gives the next port, separately for each scheme."""
    endpoints = Endpoints(FourPorts(), Tls(verify=False))
    assert [endpoints.http.port for _ in range(3)] == [800, 801, 800]
    assert [endpoints["wss"].port, endpoints["https"].port] == [4430, 4431]
    assert endpoints["ws"].tls is None
    assert endpoints.https.tls == Tls(verify=False)


def test_other_endpoints_share_the_turns() -> None:
    """Endpoints with other TLS options continue with the next port."""
    endpoints = Endpoints(FourPorts(), Tls())
    other = endpoints.but(server_name="elsewhere.test")
    assert endpoints.https.port != other.https.port
    assert other.tls.server_name == "elsewhere.test"


@pytest.mark.parametrize(
    ("old", "new", "found"), [("Doors", "Endpoints", Endpoints), ("Target", "Endpoint", Endpoint)]
)
def test_former_names(old: str, new: str, found: type) -> None:
    """A former name still gives the class, and warns with the new name."""
    message = rf"^espbench\.clients\.{old} is now {new}; the old name will be removed after 0\.1\.$"
    with pytest.warns(DeprecationWarning, match=message):
        assert getattr(clients, old) is found


def test_urls_of_an_endpoint() -> None:
    """An endpoint gives the URLs of its paths."""
    assert Endpoint(1).url("/x") == "http://127.0.0.1:1/x"
    assert Endpoint(1, Tls()).url("/ws", websocket=True) == "wss://127.0.0.1:1/ws"
