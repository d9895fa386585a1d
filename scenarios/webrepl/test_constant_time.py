# SPDX-License-Identifier: MIT
"""Constant time: the code that the device executes to compare a WebREPL password.

QEMU logs the address of each translation block that the emulated processor enters. Blocks end at
branches, so the same addresses in the same order are the same instructions. This measure has no
noise: neither a busy host nor the delay of the answer can hide a difference.
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
"""Logins after which to give up waiting for two without an interrupt."""
COMPARE, TYPE = "webrepl_password_equal", "webrepl_password_type"

_ENTERED = re.compile(r"^(?:Trace \d+: \S+ \[[0-9a-f]+/|(Stopped) [^[]*\[)([0-9a-f]+)")


@dataclass(frozen=True)
class Login:
    """One login as the device executed it.

    Attributes:
        accepted: whether the password was right.
        compare: the blocks from the comparison's first to its return, with those of the functions
        that it calls.
        typing: how many blocks it took to read the typed line.
    """

    accepted: bool
    compare: tuple[int, ...]
    typing: int


def monitor(device: Device, line: str) -> None:
    """Run a QEMU monitor command that prints nothing unless it fails."""
    reply = device.qemu.qmp.monitor(line) if device.qemu.qmp else "no monitor"
    assert not reply, f"QEMU answered {line!r} with {reply!r}"


@contextlib.contextmanager
def logged(device: Device, log: Path) -> Iterator[None]:
    """Log every block that the device executes."""
    monitor(device, f'logfile "{log}"')
    monitor(device, "log exec,nochain")  # unchained, because QEMU does not log direct jumps
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
                    blocks.pop()  # an interrupt came first: the block is entered again after it
    return blocks


@pytest.fixture
def logs_in(shared_device: Device, endpoints: Endpoints, tmp_path: Path) -> Callable[[str], Login]:
    """Return a function that tries a password and returns what the device executed."""
    symbols = Symbols(ELFFile(io.BytesIO(shared_device.elf.read_bytes())))
    log = tmp_path / "executed.txt"

    def attempt(password: str) -> Login:
        with endpoints.http.websockets_client("/webrepl") as socket, logged(shared_device, log):
            try:
                WebRepl(socket, password)
                accepted = True
            except WebReplError:
                accepted = False
        blocks = executed(log)
        log.unlink()
        names = {address: symbols.function(address) for address in set(blocks)}
        # Interrupt handlers, which may run at any time, are not functions: they only record their
        # line (start.S).
        blocks = [address for address in blocks if names[address] != "??"]
        functions = [names[address] for address in blocks]
        assert COMPARE in functions, f"the device never executed {COMPARE}: was it inlined?"
        first = functions.index(COMPARE)
        behind = functions.index(functions[first - 1], first)
        assert COMPARE not in functions[behind:], "a login compares once"
        return Login(accepted, tuple(blocks[first:behind]), functions.count(TYPE))

    def undisturbed(password: str) -> Login:
        """Return the shortest login seen twice: where interrupts and tasks are functions as well,
        they run at a different point each time."""
        if not shared_device.board.preemptive:
            return attempt(password)
        seen: list[Login] = []
        while len(seen) < ATTEMPTS:
            seen.append(attempt(password))
            shortest = min(seen, key=lambda one: len(one.compare))
            if [one.compare for one in seen].count(shortest.compare) > 1:
                return shortest
        pytest.fail(f"{ATTEMPTS} logins with {password!r} were all disturbed, no two alike")

    return undisturbed


def check_same(work: dict[str, Login], right: Login) -> None:
    """Fail with the passwords whose comparison differs in any instruction from the right one's."""
    __tracebackhide__ = True
    other = [
        f"{password[:20]!r}, {len(password)} bytes: {len(login.compare)} blocks"
        for password, login in work.items()
        if login.compare != right.compare
    ]
    if other:
        pytest.fail(
            f"the comparison differs from that of the right password ({len(right.compare)} blocks) "
            "for:\n" + "\n".join(other)
        )


WRONG = [
    *(PASSWORD[:n] + "X" + PASSWORD[n + 1 :] for n in range(len(PASSWORD))),  # one byte is wrong
    *(PASSWORD[:n].ljust(len(PASSWORD), "X") for n in (0, 4)),  # many bytes are wrong
    PASSWORD[:-1],
    PASSWORD + "X",
    "",
    "X" * LONGEST,
    PASSWORD.ljust(LONGEST + 1, "X"),  # longer than any password
]


def test_a_wrong_password_costs_the_same_wherever_it_is_wrong(
    logs_in: Callable[[str], Login],
) -> None:
    """Comparing any wrong password executes exactly the instructions of the right one."""
    right = logs_in(PASSWORD)
    assert right.accepted
    work: dict[str, Login] = {}
    for password in WRONG:
        work[password] = logs_in(password)
        assert not work[password].accepted
        # A successful login resets the delay of the answers; it also shows that the same password
        # costs the same again.
        again = logs_in(PASSWORD)
        assert (again.accepted, again.compare) == (True, right.compare)
    check_same(work, right)
    # Every byte that a password may have is compared, so the loop really was observed...
    assert len(right.compare) >= LONGEST
    # ...and work that does depend on the input is visible: a longer line takes longer to read.
    assert work["X" * LONGEST].typing > right.typing > work[""].typing


def test_the_length_of_the_password_does_not_show(
    shared_device: Device, logs_in: Callable[[str], Login]
) -> None:
    """Comparing a password of one byte executes the instructions of one of 128 bytes."""
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
