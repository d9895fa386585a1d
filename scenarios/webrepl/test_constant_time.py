# SPDX-License-Identifier: MIT
"""Timing: what the device executes while it compares a WebREPL's password.

QEMU logs the address of each block of code that the emulated processor enters. Blocks end at
branches, so the same addresses in the same order are the same instructions: a measure without
noise, which neither a busy host nor the delay of the answer can hide a difference from.
"""

from __future__ import annotations

import contextlib
import io
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile
from espbench.clients import Endpoints, WebRepl, WebReplError
from espbench.crash.symbols import Symbols
from espbench.device.device import Device

PASSWORD = "espbench"
LONGEST = 128
ATTEMPTS = 20
"""Logins after which nobody hopes for two without an interrupt any more."""
COMPARE, TYPE = "webrepl_password_equal", "webrepl_password_type"

_ENTERED = re.compile(r"^(?:Trace \d+: \S+ \[[0-9a-f]+/|(Stopped) [^[]*\[)([0-9a-f]+)")


@dataclass(frozen=True)
class Login:
    """One login as the device executed it.

    Attributes:
        accepted: whether the password was right.
        compare: the blocks from the compare's first to the return into its caller, with those of
            all that it calls.
        typing: how many blocks it took to take the typed line in.
    """

    accepted: bool
    compare: tuple[int, ...]
    typing: int


def monitor(device: Device, line: str) -> None:
    """Run a line of QEMU's monitor that prints nothing unless it fails."""
    said = device.qemu.qmp.monitor(line) if device.qemu.qmp else "no monitor"
    assert not said, f"QEMU answered {line!r} with {said!r}"


@contextlib.contextmanager
def logged(device: Device, log: Path) -> Iterator[None]:
    """Log every block that the device executes."""
    monitor(device, f'logfile "{log}"')
    monitor(device, "log exec,nochain")  # unchained: QEMU logs none that it jumps into directly
    try:
        yield
    finally:
        monitor(device, "log none")


def executed(log: Path) -> list[int]:
    """Return the addresses of the blocks in a log, in order."""
    blocks: list[int] = []
    with log.open() as lines:
        for line in lines:
            if entered := _ENTERED.match(line):
                address = int(entered[2], 16)
                if not entered[1]:
                    blocks.append(address)
                elif blocks and blocks[-1] == address:
                    blocks.pop()  # an interrupt came first: it is entered again behind that
    return blocks


@pytest.fixture
def logs_in(shared_device: Device, endpoints: Endpoints, tmp_path: Path) -> Callable[[str], Login]:
    """Return what tries a password, waits for the answer, and tells what the device did."""
    symbols = Symbols(ELFFile(io.BytesIO(shared_device.elf.read_bytes())))
    log = tmp_path / "executed.txt"

    def attempt(password: str) -> Login:
        with endpoints.http.well_behaved("/webrepl") as socket, logged(shared_device, log):
            try:
                WebRepl(socket, password)
                accepted = True
            except WebReplError:
                accepted = False
        blocks = executed(log)
        log.unlink()
        names = {address: symbols.function(address) for address in set(blocks)}
        # Interrupt handlers, which may come at any time, are no functions: they only note their
        # line (start.S).
        blocks = [address for address in blocks if names[address] != "??"]
        functions = [names[address] for address in blocks]
        assert COMPARE in functions, f"the device executed no {COMPARE}: is it inlined or renamed?"
        first = functions.index(COMPARE)
        behind = functions.index(functions[first - 1], first)
        assert COMPARE not in functions[behind:], "a login compares once"
        return Login(accepted, tuple(blocks[first:behind]), functions.count(TYPE))

    def undisturbed(password: str) -> Login:
        """Return the shortest when it was seen twice: where interrupts and tasks are functions as
        well, they come at another place each time."""
        if not shared_device.board.preemptive:
            return attempt(password)
        seen: list[Login] = []
        while len(seen) < ATTEMPTS:
            seen.append(attempt(password))
            shortest = min(seen, key=lambda one: len(one.compare))
            if [one.compare for one in seen].count(shortest.compare) > 1:
                return shortest
        pytest.fail(f"{ATTEMPTS} logins with {password!r} were all disturbed, each in another way")

    return undisturbed


def check_same(work: dict[str, Login], right: Login) -> None:
    """Fail with the passwords whose compare was not the right one's, to the instruction."""
    __tracebackhide__ = True
    other = [
        f"{password[:20]!r}, {len(password)} bytes: {len(login.compare)} blocks"
        for password, login in work.items()
        if login.compare != right.compare
    ]
    if other:
        pytest.fail(
            f"the compare takes another path ({len(right.compare)} blocks for the right password) "
            "for:\n" + "\n".join(other)
        )


WRONG = [
    *(PASSWORD[:n] + "X" + PASSWORD[n + 1 :] for n in range(len(PASSWORD))),  # one byte is wrong
    *(PASSWORD[:n].ljust(len(PASSWORD), "X") for n in (0, 4)),  # many are
    PASSWORD[:-1],
    PASSWORD + "X",
    "",
    "X" * LONGEST,
    PASSWORD.ljust(LONGEST + 1, "X"),  # longer than any password
]


def test_a_wrong_password_costs_the_same_wherever_it_is_wrong(
    logs_in: Callable[[str], Login],
) -> None:
    """The device compares any wrong password with the very instructions of the right one."""
    right = logs_in(PASSWORD)
    assert right.accepted
    work: dict[str, Login] = {}
    for password in WRONG:
        work[password] = logs_in(password)
        assert not work[password].accepted
        # A good login forgives, so that the delay of the answers does not grow; and it shows that
        # the same password costs the same again.
        again = logs_in(PASSWORD)
        assert (again.accepted, again.compare) == (True, right.compare)
    check_same(work, right)
    # Every byte that a password may have is looked at, so the loop was really seen...
    assert len(right.compare) >= LONGEST
    # ...and so is work that does depend on what was sent: a longer line takes longer to type.
    assert work["X" * LONGEST].typing > right.typing > work[""].typing


def test_the_length_of_the_password_does_not_show(
    shared_device: Device, logs_in: Callable[[str], Login]
) -> None:
    """The device compares a password of one byte with the instructions of one of 128."""
    usual = logs_in(PASSWORD)
    try:
        work = {}
        for password in ("x", "x" * LONGEST):
            shared_device.exec(f"import webrepl\nwebrepl.start({password!r})")
            work[password] = logs_in(password)
            assert work[password].accepted
    finally:
        shared_device.exec(f"import webrepl\nwebrepl.start({PASSWORD!r})")
    check_same(work, usual)
