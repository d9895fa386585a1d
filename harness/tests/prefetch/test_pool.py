# SPDX-License-Identifier: MIT
"""Devices that boot ahead behave the same, fail the same, and none is left over."""

from __future__ import annotations

import inspect
import json
import os
import re
import signal
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from espbench.boards.builtin import BOARDS
from espbench.device.device import Device
from espbench.errors import ConfigError
from espbench.inspect.debugging import Debugging
from espbench.plugin.settings import parse_pool
from espbench.prefetch.boot_slots import Turn, turns
from held_run import Run

Inner = Callable[..., "tuple[int, str]"]
Start = Callable[..., Run]

READY = "--espbench-ready-console=^ready"

COUNTED = """
import os, signal, threading
from dataclasses import replace
import espbench.qemu.process
from espbench import ConsoleReadiness
from espbench.plugin import activate

real = espbench.qemu.process.Qemu.start
def start(qemu):
    real(qemu)
    with open("boots", "a") as file:
        file.write(f"{qemu.pid}\\n")
espbench.qemu.process.Qemu.start = start

@pytest.fixture
def spare(pytestconfig):
    def wait():
        [found] = activate(pytestconfig).pool.spares
        found.join()
        return found.device
    return wait

def names(device):
    return [event.name for event in device.timeline]
"""
"""Prefix of inner tests: counts the QEMUs; `spare()` waits for the device that boots ahead."""


def boots(folder: Path) -> int:
    """Return the number of QEMUs started, and check that none of them is left."""
    pids = (folder / "boots").read_text().split()
    assert not [pid for pid in pids if Path(f"/proc/{pid}").exists()]
    return len(pids)


def sentences(output: str) -> list[str]:
    """Return the last error that pytest showed, at any indentation.

    An earlier error that caused it, such as how a socket ended, depends on timing.
    """
    lines: list[str] = re.findall(r"^E +(.*)$", output, re.M)
    last = max(number for number, line in enumerate(lines) if line.startswith("espbench.errors."))
    return lines[last:]


def test_the_next_device_is_there(inner: Inner, tmp_path: Path) -> None:
    """Each test's device boots while the previous test runs, and nothing boots twice."""
    source = """
@pytest.mark.parametrize("number", range(4))
def test_it(device, number, spare):
    assert ("handed_over" in names(device)) == (number > 0)
    assert names(device).count("start") == 1
    # It is ready before the line's end has arrived.
    assert device.console.text.rstrip() == "somebody else's firmware\\nready"
    device.monitor("query-status")
    if number < 3:
        assert spare().pid != device.pid
"""
    status, output = inner(COUNTED + source, READY, "--espbench-pool=1")
    assert status == 0, output
    assert boots(tmp_path) == 4


def test_no_pool(inner: Inner, tmp_path: Path) -> None:
    """Without a pool, nothing boots ahead."""
    source = """
@pytest.mark.parametrize("number", range(2))
def test_it(device, number, pytestconfig):
    assert activate(pytestconfig).pool.spares == []
    assert "handed_over" not in names(device)
"""
    status, output = inner(COUNTED + source, READY, "--espbench-pool=0")
    assert status == 0, output
    assert boots(tmp_path) == 2


REAL = """
import json, time
SEEN = []
@pytest.mark.parametrize("number", range(3))
def test_it(device, number, spare):
    heap = device.heap_samples[0].heap
    SEEN.append({
        "ahead": "handed_over" in names(device),
        "heap": [heap.free, heap.blocks],
        "seed": device.machine.boot_arguments["seed"],
        "ports": device.ports(80) + device.ports(443),
        "console": device.console.text,
        "events": [event["event"] for event in device.events],
        "at": device.timeline.now(),
        "uptime": device.ping() / 1e6,
        "capture": device.capture_file.stat().st_size > 1000,
    })
    if number < 2:
        spare()
        time.sleep(3)  # the spare must wait for longer than a boot takes
    else:
        open("seen.json", "w").write(json.dumps(SEEN))
"""


@pytest.mark.boards("lx60")
def test_a_device_of_the_pool_is_like_any(inner: Inner, tmp_path: Path, firmware: Path) -> None:
    """A device that waited is like a new one: clock, heap, console, capture, its own seed."""
    status, output = inner(COUNTED + REAL, f"--espbench-firmware={firmware}", "--espbench-pool=1")
    assert status == 0, output
    fresh, *others = json.loads((tmp_path / "seen.json").read_text())
    assert [seen["ahead"] for seen in (fresh, *others)] == [False, True, True]
    for seen in others:
        for what in ("console", "events", "capture"):
            assert seen[what] == fresh[what], what
        assert seen["heap"][1] == fresh["heap"][1]
        assert abs(seen["heap"][0] - fresh["heap"][0]) <= 256
        assert seen["at"] < 3
        assert seen["uptime"] < 3
    for what in ("seed", "ports"):
        assert len({str(seen[what]) for seen in (fresh, *others)}) == 3, what


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        pytest.param(
            "@pytest.mark.device(ready=ConsoleReadiness('^never'), ready_timeout=2)\n",
            [
                (
                    "espbench.errors.NotReady: device did not print something that matches "
                    "'^never' within 2 s (if it just needs more time: "
                    "--ready-timeout (pytest: --espbench-ready-timeout, Device: ready_timeout), or "
                    "ESPBENCH_TIMEOUT_SCALE on a slow machine); its console ended with:"
                ),
                "somebody else's firmware",
                "ready",
            ],
            id="never-ready",
        ),
        pytest.param(
            "@pytest.mark.device(extra=('-device', 'nonsense'))\n",
            [
                "espbench.errors.QemuDied: QEMU ended with exit status 1; its last output:",
            ],
            id="refused",
        ),
    ],
)
def test_a_boot_that_fails(inner: Inner, tmp_path: Path, source: str, expected: list[str]) -> None:
    """A boot that fails ahead gives its test the same message and evidence as without a pool."""
    source = f"""
def test_good(device, request):
    for found in activate(request.config).pool.spares:
        found.join()
{source}def test_bad(device): pass
def test_good_again(device): pass
"""
    shown = {}
    for size in (0, 1):
        (tmp_path / "boots").unlink(missing_ok=True)
        status, output = inner(COUNTED + source, READY, f"--espbench-pool={size}")
        assert status == 1
        assert "2 passed, 1 error" in output
        assert boots(tmp_path) == 3
        shown[size] = sentences(output)
        evidence = tmp_path / "evidence" / "test_inner-test_bad"
        assert (evidence / "console.txt").exists()
        assert (evidence / "command.txt").exists()
    assert shown[1] == shown[0]
    assert shown[1][: len(expected)] == expected


@pytest.mark.boards("lx60")
def test_reboots_for_ever(inner: Inner, tmp_path: Path, firmware: Path) -> None:
    """A reboot loop is reported as without a pool, with the end of the console."""
    source = """
from espbench.boards.builtin import BOARDS
RESETS = "import machine\\nprint('rst:0x3 (MAIN_PY)')\\nmachine.reset()\\n"
@pytest.fixture(scope="session")
def board():
    return replace(BOARDS["lx60"], reset_line="rst:0x[0-9a-f]+ [(]([A-Z_]+)[)]")
def test_good(device, request):
    for found in activate(request.config).pool.spares:
        found.join()
@pytest.mark.device(files={"/main.py": RESETS}, ready=ConsoleReadiness("^never"), ready_timeout=30)
def test_bad(device): pass
"""
    shown = {}
    for size in (0, 1):
        (tmp_path / "boots").unlink(missing_ok=True)
        status, output = inner(
            COUNTED + source, f"--espbench-firmware={firmware}", f"--espbench-pool={size}"
        )
        assert (status, boots(tmp_path)) == (1, 2), output
        shown[size] = [line for line in sentences(output) if "rst:" not in line]
        assert "rst:0x3 (MAIN_PY)" in sentences(output)
    assert shown[1] == shown[0]
    assert shown[1][0].startswith(
        "espbench.errors.RebootLoop: device did not print something that matches '^never' but "
        "booted 5 times in a row, the last time because of MAIN_PY: find out what resets it"
    )


def test_qemu_dies_in_the_pool(inner: Inner, tmp_path: Path) -> None:
    """A QEMU that dies while it waits fails its test, and no other."""
    source = """
def test_good(device, spare):
    os.kill(spare().pid, signal.SIGKILL)
def test_bad(device): pass
def test_good_again(device): pass
"""
    status, output = inner(COUNTED + source, READY, "--espbench-pool=1")
    assert status == 1
    assert "2 passed, 1 error" in output
    assert sentences(output)[-1] == (
        "espbench.errors.QemuDied: QEMU was killed by signal 9 without output. The kernel does "
        "that when memory is short: check `dmesg`, and run fewer devices at a "
        "time (-n, --espbench-pool 0)."
    )
    assert boots(tmp_path) == 3
    evidence = tmp_path / "evidence" / "test_inner-test_bad"
    events = [event["event"] for event in json.loads((evidence / "events.json").read_text())]
    assert events[events.index("paused") :] == ["paused", "qemu_died", "stopped"]
    assert "ready" in (evidence / "console.txt").read_text()


def test_first_failure_ends_it(inner: Inner, tmp_path: Path) -> None:
    """With -x, at most the next test's device has booted in vain, and it is gone."""
    source = """
def test_bad(device, spare):
    spare()
    assert 0
@pytest.mark.parametrize("number", range(5))
def test_it(device, number): pass
"""
    status, output = inner(COUNTED + source, READY, "--espbench-pool=1", "-x")
    assert (status, "1 failed" in output) == (1, True)
    assert boots(tmp_path) == 2


def test_tests_that_do_not_run(inner: Inner, tmp_path: Path) -> None:
    """Nothing boots for tests that are skipped, expected to crash, or not selected."""
    source = """
def test_a(device): pass
@pytest.mark.device(args={"heap": 1})
@pytest.mark.skip
def test_b(device): pass
@pytest.mark.device(args={"heap": 2})
@pytest.mark.skipif(True, reason="never")
def test_c(device): pass
@pytest.mark.device(args={"heap": 3})
@pytest.mark.xfail(run=False)
def test_d(device): pass
@pytest.mark.device(args={"heap": 4})
@pytest.mark.boards("esp32")
def test_e(device): pass
@pytest.mark.device(args={"heap": 5})
def test_not_selected(device): pass
def test_f(device):
    assert "handed_over" in names(device)
"""
    options = (READY, "--espbench-pool=1", "-k", "not selected")
    status, output = inner(
        COUNTED
        + source.replace(
            "(device): pass",
            "(device, request):\n"
            "    for found in activate(request.config).pool.spares: found.join()",
        ),
        *options,
    )
    assert (status, "2 passed" in output, "1 deselected" in output) == (0, True, True), output
    assert boots(tmp_path) == 2


def test_options_do_not_leak(inner: Inner, tmp_path: Path) -> None:
    """A test's changes to options, files and devices affect others as without a pool."""
    (tmp_path / "content.txt").write_text("old")
    source = """
from pathlib import Path
from typing import Any
FILES = {"/a": "1", "/b": Path("content.txt")}
pytestmark = pytest.mark.device(files=FILES)
def test_own_changes(device, spare):
    spare()
    device.files["/mine"] = "only mine"
    device.args["heap"] = "1"
def test_untouched(device, spare):
    assert "handed_over" in names(device)
    assert device.stored_files() == {"/a": b"1", "/b": b"old"}
    assert device.args == {}
    spare()
    Path("content.txt").write_text("new")
def test_another_file(device, spare):
    assert "handed_over" not in names(device)
    assert device.stored_files() == {"/a": b"1", "/b": b"new"}
"""
    status, output = inner(COUNTED + source, READY, "--espbench-pool=1")
    assert status == 0, output
    assert boots(tmp_path) == 4


def test_unpredictable_options(inner: Inner, tmp_path: Path) -> None:
    """A fixture with different options for each test is predicted wrongly once, then never."""
    source = """
@pytest.fixture
def device_options(request):
    return {"args": {"heap": str(request.node.callspec.params["number"])}}
@pytest.mark.parametrize("number", range(5))
def test_it(device, number, request):
    assert device.args == {"heap": str(number)}
    assert "handed_over" not in names(device)
    for found in activate(request.config).pool.spares:
        found.join()
"""
    status, output = inner(COUNTED + source, READY, "--espbench-pool=1")
    assert status == 0, output
    assert boots(tmp_path) == 6


def test_options_of_a_fixture_that_stay(inner: Inner, tmp_path: Path) -> None:
    """A fixture with the same options for all tests works as well as a marker."""
    source = """
@pytest.fixture
def device_options():
    return {"files": {"/a": "1"}}
@pytest.mark.parametrize("number", range(3))
def test_it(device, number, request):
    assert ("handed_over" in names(device)) == (number > 0)
    assert device.stored_files() == {"/a": b"1"}
    for found in activate(request.config).pool.spares:
        found.join()
"""
    status, output = inner(COUNTED + source, READY, "--espbench-pool=1")
    assert status == 0, output
    assert boots(tmp_path) == 3


@pytest.mark.parametrize(
    ("first", "second"),
    [("changed, device, spare", "device"), ("device, spare", "changed, device")],
)
def test_surroundings_that_changed(inner: Inner, tmp_path: Path, first: str, second: str) -> None:
    """A device from another environment is not handed over, and no other boots ahead."""
    source = f"""
@pytest.fixture
def changed(monkeypatch):
    monkeypatch.setenv("SOMETHING", "else")
def test_first({first}):
    spare()
def test_second({second}, pytestconfig):
    assert "handed_over" not in names(device)
    assert activate(pytestconfig).pool.spares == []
def test_third(device):
    assert "handed_over" not in names(device)
"""
    status, output = inner(COUNTED + source, READY, "--espbench-pool=1")
    assert status == 0, output
    assert boots(tmp_path) == 4


def test_a_modules_device(inner: Inner, tmp_path: Path) -> None:
    """The next module's device boots while this module's tests run."""
    source = """
def test_first(shared_device, spare):
    spare()
def test_second(shared_device, spare):
    assert spare().pid != shared_device.pid
"""
    (tmp_path / "test_other.py").write_text("""
def test_without(): pass
def test_third(shared_device):
    assert "handed_over" in [event.name for event in shared_device.timeline]
def test_fourth(shared_device):
    shared_device.monitor("query-status")
""")
    status, output = inner(COUNTED + source, READY, "--espbench-pool=1", "test_other.py")
    assert (status, "5 passed" in output) == (0, True), output
    assert boots(tmp_path) == 2


def test_several_workers(inner: Inner, tmp_path: Path) -> None:
    """Two workers with pools of two share the machine, and leave nothing."""
    source = """
@pytest.mark.parametrize("number", range(12))
def test_it(device, number):
    device.monitor("query-status")
"""
    status, output = inner(COUNTED + source, READY, "--espbench-pool=2", "-n", "2")
    assert (status, "12 passed" in output) == (0, True), output
    # At the end, each worker may have predicted tests that the other one ran.
    assert 12 <= boots(tmp_path) <= 16


# -------------------------------------------------------------------- ends


AHEAD = """
from espbench.plugin import activate
def test_first(device, pytestconfig):
    if not activate(pytestconfig).pool.spares: pytest.fail("nothing boots ahead")
    [spare] = activate(pytestconfig).pool.spares
    spare.join()
    tell(spare.device)
    block()
def test_second(device): pass
"""

BOOTING = """
class Never:
    def wait(self, device, deadline):
        tell(device)
        device.console.expect("never", deadline)
    def describe(self, device): return "never be ready"
def test_first(device): {first}
@pytest.mark.device(ready=Never())
def test_second(device): pass
"""


@pytest.mark.parametrize(
    "source",
    [
        pytest.param(AHEAD, id="waits"),
        pytest.param(BOOTING.format(first="block()"), id="boots"),
        pytest.param(BOOTING.format(first="pass"), id="is-waited-for"),
    ],
)
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_ended(start: Start, source: str, number: signal.Signals) -> None:
    """However pytest ends, devices that boot or wait in the pool end too."""
    run = start(source, "--espbench-pool=1")
    [(_, parent)] = run.devices()
    assert parent == run.process.pid
    run.process.send_signal(number)
    output = run.finish()
    run.assert_none_left()
    if number != signal.SIGKILL:
        assert "KeyboardInterrupt" in output
        run.assert_no_files_left()


def test_worker_is_killed(start: Start) -> None:
    """If an xdist worker is killed, its devices that boot ahead end too."""
    run = start(AHEAD, "--espbench-pool=1", "-n", "1", "--max-worker-restart=0")
    [(_, worker)] = run.devices()
    assert worker != run.process.pid
    os.kill(worker, signal.SIGKILL)
    run.assert_none_left()
    assert "worker 'gw0' crashed" in run.finish()


# -------------------------------------------------------------------- pieces


def test_bad_size(inner: Inner) -> None:
    """An invalid size is rejected before anything is collected."""
    status, output = inner("def test_it(device): pass", "--espbench-pool=-1")
    assert status == 4
    assert (
        "ERROR: --espbench-pool: '-1' is not a number of devices: write 0, 1 or more.\n" in output
    )


def test_size() -> None:
    """The size is the requested one, or else the board's, if enough cores are free."""
    board = replace(BOARDS["lx60"], spares=2)
    assert parse_pool("3", board, 0) == 3
    assert [parse_pool("", board, free) for free in (0, 1, 8)] == [0, 1, 2]
    with pytest.raises(ConfigError):
        parse_pool("many", board, 8)


def test_turns() -> None:
    """Devices boot ahead on the cores that workers do not use."""
    cases = {(2, 1): 1, (2, 2): 0, (8, 2): 6, (1, 4): 0}
    assert {case: turns(*case) for case in cases} == cases


def test_one_turn_at_a_time(tmp_path: Path) -> None:
    """A turn begins when the previous one is given up; turns given up while waiting are skipped."""
    first, second, third = (Turn(tmp_path, 0) for _ in range(3))
    assert first.wait()
    got: dict[str, bool] = {}

    def wait(name: str, turn: Turn) -> None:
        got[name] = turn.wait()
        turn.give_up()

    waiting = [
        threading.Thread(target=wait, args=item, daemon=True)
        for item in (("second", second), ("third", third))
    ]
    for thread in waiting:
        thread.start()
    assert Turn(tmp_path, 1).wait(), "another queue is not held up"
    second.give_up()
    assert got == {}
    first.give_up()
    for thread in waiting:
        thread.join(10)
    assert got == {"second": False, "third": True}


def test_no_place_for_turns(tmp_path: Path) -> None:
    """If no lock can be created, nobody waits."""
    (tmp_path / "file").write_text("in the way")
    turns = [Turn(tmp_path / "file", 0) for _ in range(2)]
    assert [turn.wait() for turn in turns] == [True, True]


def test_every_option_counts(tmp_path: Path, tiny_firmware: Callable[..., Path]) -> None:
    """Two devices are equal only if all options are; the test covers every option."""
    firmware, other, content = (tmp_path / name for name in ("flash.bin", "other.bin", "content"))
    for flash in firmware, other:
        flash.write_bytes(bytes(1 << 20))
    content.write_text("old")
    elf = tiny_firmware()
    given: dict[str, Any] = {"board": "esp32", "firmware": firmware, "files": {"/a": content}}
    variants: dict[str, Any] = {
        "board": "esp32c3",
        "firmware": other,
        "files": {"/a": "new"},
        "files_partition": "storage",
        "args": {"heap": 1},
        "ports": {"http": 8080},
        "forwards": {80: 2},
        "ready": "http",
        "ready_timeout": 1.0,
        "psram": "2M",
        "watchdogs": True,
        "internet": True,
        "subnet": "10.0.3.0/24",
        "capture": False,
        "extra": ("-S",),
        "elf": elf,
        "qemu": "/bin/true",
        "tap": print,
        "debugging": Debugging(print),
        "name": "other",
        "record": True,
        "watch_heap": True,
    }
    assert {*variants} == {*inspect.signature(Device).parameters}
    inputs = Device(**given).boot_inputs()
    assert Device(**given).boot_inputs() == inputs
    for name, value in variants.items():
        lx60 = {"board": "lx60", "firmware": elf}
        plain = {**given, **lx60} if name == "record" else given
        same = Device(**plain).boot_inputs()
        assert Device(**{**plain, name: value}).boot_inputs() != same, name
    content.write_text("new")
    assert Device(**given).boot_inputs() != inputs
    inputs = Device(**given).boot_inputs()
    firmware.write_bytes(b"\1" + firmware.read_bytes()[1:])
    assert Device(**given).boot_inputs() != inputs
