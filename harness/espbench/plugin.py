"""The pytest plugin: fixtures for booted devices, and evidence of what made a test fail."""

from __future__ import annotations

import contextlib
import os
import signal
import warnings
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any, Protocol

import pytest

from espbench import broken, neighbours, progress, shard
from espbench.boards import BOARDS, Board, board_named
from espbench.chosen import chosen_readiness, parse_ports
from espbench.claims import Claim, first_free
from espbench.device import Device
from espbench.embedded.plugin import MODES, EmbeddedPlugin, services
from espbench.errors import ConfigError, EspbenchError, Panicked
from espbench.evidence import folder_name, save
from espbench.full_disk import FullDisk
from espbench.moments import marks
from espbench.pool.forecast import Forecast, Habit, Options, merged
from espbench.pool.pool import Pool
from espbench.pool.turns import turns, usable_cores
from espbench.record import SUFFIX
from espbench.record import check as check_recordable
from espbench.refusal import Refusals


@dataclass
class _Bench:
    """What the plugin remembers during a session."""

    pool: Pool
    """What boots ahead."""
    forecast: Forecast
    """What the next tests will ask for."""
    evidence: Path
    """Where evidence goes."""
    claim: Claim | None
    """What keeps other runs out of there."""
    devices: list[Device] = field(default_factory=list)
    """All that run, for a test or a module, oldest first."""
    shared: list[Device] = field(default_factory=list)
    """Those of them that belong to a module."""
    coming: list[pytest.Item] = field(default_factory=list)
    """The tests after the one that runs."""
    boot_told: bool = False
    """Whether a report has brought the moments of a boot."""


_BENCH = pytest.StashKey[_Bench]()
LOOK = 64
"""How many of the next tests are looked at for devices that could boot ahead."""
_EMBEDDED = pytest.StashKey[EmbeddedPlugin]()


class DeviceFactory(Protocol):
    """Makes devices that end with the test."""

    def __call__(self, **options: Any) -> Device:
        """Boot one more device; `options` are those of `Device`, on top of the markers'."""


# -------------------------------------------------------------------- options


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options; none has a name that pytest-embedded uses."""
    group = parser.getgroup("espbench", "emulated boards (espbench)")
    group.addoption(
        "--espbench",
        action="store_true",
        help="run espbench's own suite smoke as well: it boots, and it serves",
    )
    group.addoption(
        "--espbench-suites",
        metavar="NAME,...",
        help="run these of espbench's own suites as well, such as dual,http; all for all of them",
    )
    group.addoption(
        "--espbench-board",
        metavar="NAME",
        help=f"board to emulate: {', '.join(BOARDS)} (default: ini espbench_board, else lx60)",
    )
    group.addoption(
        "--espbench-firmware",
        metavar="PATH",
        help="firmware to run (default: ini espbench_firmware, else espbench's own, built first)",
    )
    group.addoption(
        "--espbench-firmware-elf",
        metavar="PATH",
        help="the same firmware with debugging information, to decode panics",
    )
    group.addoption(
        "--espbench-evidence",
        choices=("never", "failed", "always"),
        default="failed",
        help="which tests leave a folder of evidence (default: failed)",
    )
    group.addoption(
        "--espbench-evidence-dir",
        metavar="PATH",
        help="where evidence goes (default: ini espbench_evidence_dir, else evidence/ in the root)",
    )
    group.addoption(
        "--espbench-report",
        metavar="FILE",
        help="write an HTML page about the session, with its evidence, to FILE",
    )
    group.addoption(
        "--espbench-record",
        choices=("never", "failed", "always"),
        default="never",
        help="which tests leave a recording for `espbench replay` in their evidence; devices are "
        "slower then (default: never)",
    )
    group.addoption(
        "--espbench-shard",
        metavar="I/N",
        help="run part I of N, which together are all tests; they take equally long, by the "
        "durations that pytest-split's --store-durations recorded",
    )
    group.addoption(
        "--espbench-ports",
        metavar="SCHEME=PORT,...",
        help="where the firmware listens, such as http=8080,https=8443 (default: the board's)",
    )
    group.addoption(
        "--espbench-ready-console",
        metavar="REGEX",
        help="the device is ready when its console shows this",
    )
    group.addoption(
        "--espbench-ready-http",
        metavar="PATH",
        help="the device is ready when it answers GET PATH",
    )
    group.addoption(
        "--espbench-ready-timeout",
        metavar="SECONDS",
        type=float,
        help="how long it may take (default: the board's, times ESPBENCH_TIMEOUT_SCALE)",
    )
    group.addoption(
        "--espbench-pool",
        metavar="N",
        help="how many devices boot ahead of the tests that need them, in each process; 0: none "
        "(default: ini espbench_pool, else the board's: "
        f"{', '.join(f'{board.name} {board.spares}' for board in BOARDS.values())}; "
        "none where every core has a worker)",
    )
    group.addoption(
        "--espbench-dut",
        choices=MODES,
        default=MODES[0],
        help="what pytest-embedded's dut is in QEMU: espbench's machine, with connections to its "
        "address led to it (routed) or not (direct), or pytest-embedded's own (off); "
        f"default: {MODES[0]}",
    )
    parser.addini("espbench_board", "default of --espbench-board", default="lx60")
    parser.addini(
        "espbench_firmware", "default of --espbench-firmware, relative to the root", default=""
    )
    parser.addini("espbench_evidence_dir", "default of --espbench-evidence-dir", default="evidence")
    parser.addini("espbench_ports", "default of --espbench-ports", default="")
    parser.addini("espbench_ready_console", "default of --espbench-ready-console", default="")
    parser.addini("espbench_ready_http", "default of --espbench-ready-http", default="")
    parser.addini("espbench_pool", "default of --espbench-pool", default="")


def parse_pool(text: str, board: Board, free: int) -> int:
    """Return how many devices boot ahead; by default as many as suit the board and the machine.

    Args:
        text: what was asked for, or "".
        board: what boots.
        free: how many cores have no worker.

    Raises:
        ConfigError: that is no number.
    """
    if not text:
        return min(board.spares, free)
    if not text.isdecimal():
        raise ConfigError(f"--espbench-pool: {text!r} is no number of devices: write 0, 1 or more.")
    return int(text)


def _setting(config: pytest.Config, option: str, ini: str) -> str:
    return str(config.getoption(option) or config.getini(ini) or "")


def promised_schemes(config: pytest.Config) -> set[str]:
    """Return the schemes of which options or ini say that the firmware serves them."""
    ports = _setting(config, "--espbench-ports", "espbench_ports")
    by_ready = (
        {"http"} if _setting(config, "--espbench-ready-http", "espbench_ready_http") else set()
    )
    return by_ready | set(parse_ports(ports, "--espbench-ports") if ports else ())


def _common(config: pytest.Config) -> dict[str, Any]:
    """Return the options of every device in this session."""
    options: dict[str, Any] = {"ready_timeout": config.getoption("--espbench-ready-timeout")}
    if ports := _setting(config, "--espbench-ports", "espbench_ports"):
        options["ports"] = parse_ports(ports, "--espbench-ports")
    ready = chosen_readiness(
        _setting(config, "--espbench-ready-console", "espbench_ready_console"),
        _setting(config, "--espbench-ready-http", "espbench_ready_http"),
        prefix="--espbench-",
    )
    if ready is not None:
        options["ready"] = ready
    if elf := config.getoption("--espbench-firmware-elf"):
        options["elf"] = _path(config, elf)
    options["capture"] = options["watch_heap"] = config.getoption("--espbench-evidence") != "never"
    if _records(config):
        check_recordable(chosen_board(config))
        options["record"] = True
    return options


def _records(config: pytest.Config) -> bool:
    return bool(config.getoption("--espbench-record") != "never")


def _path(config: pytest.Config, text: str) -> Path:
    """Return a path of the command line, which is relative to where pytest was called."""
    return config.invocation_params.dir / text


# -------------------------------------------------------------------- session


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> None:
    """See to the plugins beside this one before they are configured."""
    try:
        neighbours.check(config)
        shard.apply(config)
    except ConfigError as error:
        raise pytest.UsageError(str(error)) from None


def pytest_configure(config: pytest.Config) -> None:
    """Check the options and declare the markers."""
    config.addinivalue_line(
        "markers",
        "device(files=None, args=None, forwards=None, **options): what the test's device starts "
        "with; keyword arguments of espbench.Device, merged from module, class and function",
    )
    config.addinivalue_line("markers", "boards(*names): the test needs one of these boards")
    try:
        board = chosen_board(config)
        _common(config)
        claim = _claim(config)
        config.stash[_BENCH] = _Bench(
            _pool(config, board),
            Forecast(lambda: _common(config), _marked),
            claim.folder if claim else _evidence_dir(config),
            claim,
        )
        if getattr(config.option, "tx", None):
            config.pluginmanager.register(Refusals(), "espbench-refusals")
        _add_suites(config)
        _add_page(config, board)
        config.pluginmanager.register(FullDisk(config), "espbench-full-disk")
        if services(config) is not None:
            _join_embedded(config)
    except EspbenchError as error:
        raise pytest.UsageError(str(error)) from None
    _end_on_signals()


def _pool(config: pytest.Config, board: Board) -> Pool:
    """Return the session's pool; each worker of pytest-xdist has one of its own.

    Raises:
        ConfigError: its size is no number.
    """
    own = hasattr(config, "workerinput")  # a pytest inside of a worker inherits the variables
    workers = int(os.environ["PYTEST_XDIST_WORKER_COUNT"]) if own else 1
    number = int(os.environ["PYTEST_XDIST_WORKER"].removeprefix("gw")) if own else 0
    text = _setting(config, "--espbench-pool", "espbench_pool")
    size = parse_pool(text, board, turns(usable_cores(), workers))
    return Pool(size, worker=number, workers=workers)


def pool_of(config: pytest.Config) -> Pool:
    """Return what boots ahead in this process."""
    return config.stash[_BENCH].pool


def _add_suites(config: pytest.Config) -> None:
    chosen = config.getoption("--espbench-suites") or ""
    names = [name for text in chosen.split(",") if (name := text.strip())]
    if names or config.getoption("--espbench"):
        from espbench.shipped import ShippedSuites

        suites = ShippedSuites(config, names or ["smoke"])
        config.pluginmanager.register(suites, "espbench-suites")


def _add_page(config: pytest.Config, board: Board) -> None:
    named = config.getoption("--espbench-report")
    if named and not hasattr(config, "workerinput"):
        from espbench.session_page import SessionPage

        page = SessionPage(
            _path(config, named), board, named_firmware(config), config.invocation_params.dir
        )
        config.pluginmanager.register(page, "espbench-page")


def _join_embedded(config: pytest.Config) -> None:
    def options(item: pytest.Item) -> Options:
        return merged(_common(config), *_marked(item))

    def own() -> tuple[Board, Path]:
        board = chosen_board(config)
        return board, chosen_firmware(config, board)

    plugin = EmbeddedPlugin(config, options, own, config.stash[_BENCH].devices)
    config.stash[_EMBEDDED] = plugin
    config.pluginmanager.register(plugin, "espbench-embedded")


def _end_on_signals() -> None:
    """Let SIGTERM and SIGHUP end pytest as Ctrl-C does: with teardowns, reports and evidence.

    Without this nothing would outlive pytest either (see `launcher`), but files would.
    """

    def interrupt(number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt(f"pytest got {signal.Signals(number).name}")

    for number in (signal.SIGTERM, signal.SIGHUP):
        with contextlib.suppress(ValueError):  # Not in the main thread: somebody embeds pytest.
            if signal.getsignal(number) is signal.SIG_DFL:
                signal.signal(number, interrupt)


def pytest_unconfigure(config: pytest.Config) -> None:
    """End whatever still runs, after an error in somebody's teardown for instance."""
    if bench := config.stash.get(_BENCH, None):
        bench.pool.close()
        for device in list(bench.devices):
            device.close()
        bench.devices.clear()
        if bench.claim is not None:
            bench.claim.release()


def pytest_report_header(config: pytest.Config) -> list[str]:
    """Say which board it is (`lx60` is no ESP32), and where evidence goes if not as usual."""
    board = chosen_board(config)
    lines = [f"espbench: board {board.name}: {board.title}"]
    evidence = config.stash[_BENCH].evidence
    if evidence != (usual := _evidence_dir(config)):
        lines.append(
            f"espbench: another run writes {_shown(config, str(usual))} now, so this one's "
            f"evidence goes to {_shown(config, str(evidence))}"
        )
    return lines


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Let the workers of pytest-xdist write where their session does."""
    node.workerinput["espbench_evidence"] = str(node.config.stash[_BENCH].evidence)


def _evidence_dir(config: pytest.Config) -> Path:
    if hasattr(config, "workerinput"):
        return Path(config.workerinput["espbench_evidence"])
    if named := config.getoption("--espbench-evidence-dir"):
        return _path(config, named)
    return config.rootpath / str(config.getini("espbench_evidence_dir"))


def _claim(config: pytest.Config) -> Claim | None:
    """Claim a folder for this session's evidence, when there may be some."""
    if hasattr(config, "workerinput") or config.getoption("--espbench-evidence") == "never":
        return None
    return first_free(_evidence_dir(config))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Skip what this board is not for."""
    name = _setting(config, "--espbench-board", "espbench_board")
    for item in items:
        marker = item.get_closest_marker("boards")
        if marker and name not in marker.args and _is_ours(item, marker):
            # Without this board's name (the header has it): parity compares reasons of two boards.
            reason = f"needs board {' or '.join(marker.args)}"
            item.add_marker(pytest.mark.skip(reason=reason))


FIXTURES = frozenset({"board", "firmware", "device", "device_factory", "shared_device"})
"""What tests take from this plugin."""


def _is_ours(item: pytest.Item, marker: pytest.Mark) -> bool:
    """Return whether a marker `boards` is meant for us: a project may have one of its own."""
    takes = FIXTURES.intersection(getattr(item, "fixturenames", ()))
    return bool(takes) or any(name in marker.args for name in BOARDS)


# -------------------------------------------------------------------- fixtures


@pytest.fixture(scope="session")
def board(pytestconfig: pytest.Config) -> Board:
    """Return the board that is emulated."""
    return chosen_board(pytestconfig)


@pytest.fixture(scope="session")
def firmware(pytestconfig: pytest.Config, board: Board) -> Path:
    """Return the firmware's path; espbench's own is built when none is named."""
    return chosen_firmware(pytestconfig, board)


def chosen_board(config: pytest.Config) -> Board:
    """Return the board that options or ini name."""
    return board_named(_setting(config, "--espbench-board", "espbench_board"))


def chosen_firmware(config: pytest.Config, board: Board) -> Path:
    """Return the firmware that options or ini name; espbench's own is built when they do not."""
    if named := named_firmware(config):
        return named
    from espbench.build import firmware as build

    return build(board)


def named_firmware(config: pytest.Config) -> Path | None:
    """Return the firmware that options or ini name, or None when it is espbench's own."""
    if named := config.getoption("--espbench-firmware"):
        return _path(config, named)
    if named := config.getini("espbench_firmware"):
        return config.rootpath / str(named)
    return None


@pytest.fixture
def device_options() -> Options:
    """Return options for `device` and `device_factory`: override this to compute them."""
    return {}


@pytest.fixture(scope="module")
def shared_device_options() -> Options:
    """Return options for `shared_device`: override this to compute them."""
    return {}


def _marked(node: pytest.Item | pytest.Collector) -> list[Options]:
    """Return the options of the `device` markers, outermost first."""
    markers = list(node.iter_markers("device"))
    for marker in markers:
        if marker.args:
            raise pytest.UsageError(
                "pytest.mark.device takes keyword arguments only, such as "
                "files={'/main.py': 'print(1)'}."
            )
    return [marker.kwargs for marker in reversed(markers)]


@pytest.fixture
def device_factory(
    request: pytest.FixtureRequest, board: Board, device_options: Options
) -> Iterator[DeviceFactory]:
    """Return a function that boots devices, which end with the test."""
    # Not before one is booted: a test whose `device` is pytest-embedded's dut needs no firmware.
    base = merged(_common(request.config), device_options, *_marked(request.node))
    forecast = request.config.stash[_BENCH].forecast
    with _owner(request.config) as own:

        def make(**options: Any) -> Device:
            firmware: Path = request.getfixturevalue("firmware")
            forecast.learn(request.node, "device", Habit(board, firmware, device_options))
            return own(board, firmware, merged(base, options))

        yield make


@pytest.fixture
def device(request: pytest.FixtureRequest, device_factory: DeviceFactory) -> Device:
    """Return a freshly booted device of the test's own: its dut, if it takes one."""
    embedded = request.config.stash.get(_EMBEDDED, None)
    if embedded is not None and "dut" in request.fixturenames:
        return embedded.device_of(request.getfixturevalue("dut"))
    return device_factory()


@pytest.fixture(scope="module")
def shared_device(
    request: pytest.FixtureRequest, board: Board, firmware: Path, shared_device_options: Options
) -> Iterator[Device]:
    """Return a device that all tests of the module share, for those that change nothing."""
    options = merged(_common(request.config), shared_device_options, *_marked(request.node))
    habit = Habit(board, firmware, shared_device_options)
    request.config.stash[_BENCH].forecast.learn(request.node, "shared_device", habit)
    with _owner(request.config, shared=True) as own:
        yield own(board, firmware, options)


@contextlib.contextmanager
def _owner(
    config: pytest.Config,
    *,
    shared: bool = False,
) -> Generator[Callable[[Board, Path, Options], Device]]:
    """Yield a function that boots devices, all of which end with the block."""
    bench = config.stash[_BENCH]
    mine: list[Device] = []

    def boot(board: Board, firmware: Path, options: Options) -> Device:
        device = Device(**{"board": board, "firmware": firmware, **options})
        spare = bench.pool.take(device)
        if spare is not None:
            device = spare.device
        # Known before it starts: a start that fails leaves evidence too.
        mine.append(device)
        bench.devices.append(device)
        if shared:
            bench.shared.append(device)
        return device.start() if spare is None else spare.hand_over()

    try:
        yield boot
    finally:
        for device in mine:
            device.close()
            _warn_of_recording(device)
            bench.devices.remove(device)
            if shared:
                bench.shared.remove(device)


def _warn_of_recording(device: Device) -> None:
    """Say that a recording that was promised is not there."""
    if device.recorder is not None and device.recorder.problem:
        warnings.warn(pytest.PytestWarning(device.recorder.problem), stacklevel=2)
        device.recorder.problem = ""


# -------------------------------------------------------------------- failures


def _devices(item: pytest.Item) -> list[Device]:
    """Return the devices that a test uses.

    Its own ones if it has any, because then a module's device belongs to other tests; unless it
    names that too.
    """
    bench = item.config.stash[_BENCH]
    names = getattr(item, "fixturenames", ())
    own = [device for device in bench.devices if device not in bench.shared]
    return bench.devices[:] if not own or "shared_device" in names else own


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(
    item: pytest.Item, nextitem: pytest.Item | None
) -> Generator[None, object, object]:
    """Remember what comes next."""
    bench = item.config.stash[_BENCH]
    bench.coming = _coming(item.session, nextitem) if bench.pool.size else []
    return (yield)


def _coming(session: pytest.Session, nextitem: pytest.Item | None) -> list[pytest.Item]:
    """Return the tests that come next: one is sure, others may be another worker's."""
    if nextitem is None:
        return []
    try:
        first = session.items.index(nextitem)
    except ValueError:
        return [nextitem]
    return session.items[first : first + LOOK]


def _boot_ahead(item: pytest.Item) -> None:
    """Let the devices of the next tests boot while this one, which has its own, runs."""
    bench = item.config.stash[_BENCH]
    if not bench.pool.size:
        return
    for fixture in bench.pool.not_taken(item.nodeid):
        bench.forecast.was_wrong(item, fixture)
    bench.pool.prepare(bench.forecast.orders(bench.coming, bench.pool.size))


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Start a shared device anew when the test before made it panic or end."""
    for device in item.config.stash[_BENCH].devices:
        if not device.running or device.panicked():
            device.stop()
            _warn_of_recording(device)
            device.start()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_teardown(item: pytest.Item) -> None:
    """Make every network whole before fixtures look at what the test left behind."""
    for device in item.config.stash[_BENCH].devices:
        device.mend_network()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, Any, Any]:
    """Run the test; when its device panicked, that is what failed, not a client's time-out."""
    for device in _devices(item):
        device.timeline.add("test", nodeid=item.nodeid)
    _boot_ahead(item)
    try:
        result = yield
    except Panicked:
        raise
    # pytest.fail, and with it pytest-timeout, raises what is no Exception.
    except (Exception, pytest.fail.Exception) as error:
        embedded = item.config.stash.get(_EMBEDDED, None)
        if cause := _panicked(item) or (embedded and embedded.cause()):
            raise cause from error
        raise
    if panicked := _panicked(item, but=_duts(item.config)):
        raise panicked
    return result


def _panicked(item: pytest.Item, but: Sequence[Device] = ()) -> Panicked | None:
    for device in _devices(item):
        if device not in but and (panicked := device.panicked()):
            return panicked
    return None


def _duts(config: pytest.Config) -> list[Device]:
    """Return pytest-embedded's: a test that passes may have made them panic, and expected that."""
    embedded = config.stash.get(_EMBEDDED, None)
    return [] if embedded is None else embedded.duts.devices


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Save the evidence while the devices are still there, and name its folder in the report."""
    report = yield
    mode = item.config.getoption("--espbench-evidence")
    wanted = mode != "never" and (report.failed or (mode == "always" and report.when == "call"))
    if wanted and (devices := _devices(item)):
        for saved in _save(item, devices):
            report.sections.append(("espbench evidence", saved))
            report.user_properties.append(("evidence", saved))
    if item.config.getoption("--espbench-report") and (devices := _devices(item)):
        _tell_boot(item, devices[0], report)
    if report.failed:  # after the evidence, for which the heap was looked at
        states = [("device", broken.state(device)) for device in _devices(item)]
        report.user_properties.extend(states)
    mode = item.config.getoption("--espbench-record")
    wanted = mode != "never" and (report.failed or (mode == "always" and report.when == "call"))
    if wanted and (devices := _devices(item)):
        for kept in _keep_recordings(item, devices):
            report.sections.append(("espbench recording", f"espbench replay {kept}"))
            report.user_properties.append(("recording", kept))
    return report


def _tell_boot(item: pytest.Item, device: Device, report: pytest.TestReport) -> None:
    """Have a report bring the moments of a boot: once in each process is enough for the page."""
    bench = item.config.stash[_BENCH]
    ready = device.timeline.first("ready")
    if ready is not None and not bench.boot_told:
        bench.boot_told = True
        boot = marks(event for event in device.timeline if event.at <= ready)
        # Not a property of the test, which would be in JUnit XML; pytest-xdist brings it, too.
        vars(report)[progress.BOOT] = [mark.as_json() for mark in boot]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say in a few lines what broke, for those who read nothing but the end."""
    reports = [
        report
        for kind in ("failed", "error")
        for report in terminalreporter.stats.get(kind, [])
        if isinstance(report, pytest.TestReport) and progress.told(report, "device")
    ]
    if not reports:
        return
    terminalreporter.section("espbench: what broke")
    for report in reports:
        reason = broken.cause(progress.message_of(report))
        lines = broken.told(
            report.nodeid,
            reason,
            progress.told(report, "device"),
            progress.told(report, "evidence"),
        )
        for line in lines:
            terminalreporter.write_line(line)


def _keep_recordings(item: pytest.Item, devices: list[Device]) -> list[str]:
    """Have the devices' runs kept, which are over with their fixtures; return the archives."""
    folders = _folders(item, devices)
    kept = []
    for device, folder in zip(devices, folders, strict=True):
        if device.recorder is not None:
            path = folder / f"recording{SUFFIX}"
            device.keep_recording(path, item.nodeid)
            kept.append(_shown(item.config, str(path)))
    return kept


def _save(item: pytest.Item, devices: list[Device]) -> list[str]:
    return [
        _shown(item.config, str(save(device, folder)))
        for device, folder in zip(devices, _folders(item, devices), strict=True)
    ]


def _folders(item: pytest.Item, devices: list[Device]) -> list[Path]:
    """Return where the evidence of each device of a test goes."""
    folder = item.config.stash[_BENCH].evidence / folder_name(item.nodeid)
    if len(devices) == 1:
        return [folder]
    return [folder / f"{number}-{device.name}" for number, device in enumerate(devices, 1)]


def _shown(config: pytest.Config, text: str) -> str:
    """Return a path as short as people can still use it."""
    here = f"{config.invocation_params.dir}{os.sep}"
    return text.removeprefix(here)


__all__ = ["DeviceFactory", "Options", "merged", "pool_of"]
