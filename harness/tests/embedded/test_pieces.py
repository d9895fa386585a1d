# SPDX-License-Identifier: MIT
"""Units of espbench.embedded: versions, QEMU arguments, and the feed."""

from __future__ import annotations

import queue
import threading

import pytest
from espbench.embedded import compat as fit
from espbench.embedded.log import Feed
from espbench.embedded.qemu_args import Theirs, theirs
from espbench.errors import ConfigError
from espbench.util.timeouts import Deadline


def misfit(**versions: str) -> str:
    """Return the complaint about these versions; other packages have a compatible one."""
    return fit.misfit(version_of=lambda name: versions.get(name.replace("-", "_"), "2.9.3"))


def test_the_ranges_are_those_of_the_package() -> None:
    """The accepted versions are those that pip installs with espbench."""
    listed = {requirement.name: str(requirement.specifier) for requirement in fit.wanted()}
    assert listed == {
        "pytest-embedded": "~=2.9",
        "pytest-embedded-idf": "~=2.9",
        "pytest-embedded-qemu": "~=2.9",
    }


@pytest.mark.parametrize("version", ["2.9", "2.9.3", "2.10.1rc1", "2.11.0"])
def test_versions_that_fit(version: str) -> None:
    """The supported versions and later compatible ones are accepted."""
    assert misfit(pytest_embedded_qemu=version) == ""


@pytest.mark.parametrize("version", ["1.16.2", "2.8.1", "3.0.0", "2.9.dev1"])
@pytest.mark.parametrize("name", ["pytest-embedded", "pytest-embedded-idf", "pytest-embedded-qemu"])
def test_versions_that_do_not_fit(name: str, version: str) -> None:
    """The error for an older or newer version names it and the version to install."""
    assert misfit(**{name.replace("-", "_"): version}) == (
        f"{name} {version} does not work with this espbench, which needs ~=2.9: install that with "
        f"`pip install '{name}~=2.9'`, or use pytest-embedded's own QEMU with "
        "--espbench-dut=off."
    )


def test_not_installed() -> None:
    """A missing pytest-embedded-qemu is an error; other packages may be missing."""
    absent = ("pytest-embedded-qemu",)
    assert fit.misfit(version_of=lambda name: None if name in absent else "2.9.3") == (
        "pytest-embedded-qemu is not installed, but a dut in QEMU needs it: install it with "
        "`pip install 'pytest-embedded-qemu~=2.9'`."
    )
    absent = ("pytest-embedded-idf",)
    assert fit.misfit(version_of=lambda name: None if name in absent else "2.9.3") == ""


@pytest.mark.parametrize(
    ("cli", "extra", "expected"),
    [
        (None, None, Theirs()),
        ("-nographic -machine esp32c3", None, Theirs(machine="esp32c3")),
        ("'-M esp32,foo=on -m 4M'", "", Theirs(machine="esp32", extra=("-m", "4M"))),
        (
            None,
            "-global driver=timer.esp32.timg,property=wdt_disable,value=true",
            Theirs(extra=("-global", "driver=timer.esp32.timg,property=wdt_disable,value=true")),
        ),
        (
            "-nic user,id=u,model=open_eth,hostfwd=tcp::8080-:80,hostfwd=tcp::8443-:443",
            "-serial mon:stdio -serial null",
            Theirs(rules=("tcp::8080-:80", "tcp::8443-:443"), extra=("-serial", "null")),
        ),
    ],
)
def test_arguments(cli: str | None, extra: str | None, expected: Theirs) -> None:
    """Redundant arguments are dropped, ports are forwarded, and the rest is passed on."""
    assert theirs(cli, extra) == expected


@pytest.mark.parametrize(
    "text", ["-nic tap", "-netdev user,id=n", "-nic user,model=e1000", "-nic user,restrict=on"]
)
def test_another_network(text: str) -> None:
    """A network other than espbench's is rejected."""
    with pytest.raises(ConfigError) as caught:
        theirs(None, f"-m 4M {text}")
    assert str(caught.value) == (
        f"espbench sets up the network of a dut and cannot accept `{text}` from --qemu-cli-args "
        "or --qemu-extra-args: remove it, or use pytest-embedded's own QEMU with "
        "--espbench-dut=off."
    )


class Slow:
    """A queue that blocks until it is released."""

    def __init__(self) -> None:
        self.may = threading.Event()
        self.taken: list[bytes] = []

    def put(self, data: bytes) -> None:
        """Wait for the release, then store the data."""
        assert self.may.wait(Deadline(10).seconds)
        self.taken.append(data)


def test_feed() -> None:
    """The console's reader does not wait for the other process, and no data is lost."""
    slow = Slow()
    feed = Feed(slow)
    feed.put(b"a\n")
    feed.put(b"b\n")
    assert slow.taken == []
    slow.may.set()
    feed.close()
    assert slow.taken == [b"a\n", b"b\n"]


def test_feed_by_lines() -> None:
    """Only whole lines are forwarded, and the unfinished line at the end."""
    slow = Slow()
    slow.may.set()
    feed = Feed(slow, linger=60)
    for data in (b"port 4", b"43\r", b"\nand\nmo", b"re"):
        feed.put(data)
    feed.close()
    assert slow.taken == [b"port 443\r\nand\n", b"more"]


def test_feed_of_a_prompt() -> None:
    """An unfinished line is forwarded after a while."""

    class Seen:
        def __init__(self) -> None:
            self.data: queue.SimpleQueue[bytes] = queue.SimpleQueue()

        def put(self, data: bytes) -> None:
            self.data.put(data)

    seen = Seen()
    feed = Feed(seen, linger=0.01)
    feed.put(b">>> ")
    assert seen.data.get(timeout=Deadline(10).seconds) == b">>> "
    feed.close()


def test_feed_whose_queue_is_gone() -> None:
    """The thread ends without an error when the other process has ended."""

    class Gone:
        def put(self, data: bytes) -> None:
            raise BrokenPipeError(data)

    feed = Feed(Gone())
    feed.put(b"a\n")
    feed.close()
    assert "espbench-dut" not in {thread.name for thread in threading.enumerate()}
