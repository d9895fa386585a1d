# SPDX-License-Identifier: MIT
"""The log in pytest's process that replaces three processes of pytest-embedded."""

from __future__ import annotations

import multiprocessing
import os
import threading
from pathlib import Path

import pytest
from espbench.embedded.log import Log, LogProcess, Remote, Show
from espbench.util.timeouts import Deadline
from pytest_embedded.log import EOF, TIMEOUT, _PopenRedirectProcess


def expecting(log: Log) -> LogProcess:
    """Return a process for `expect` that reads a log."""
    return LogProcess(Path(os.devnull).open("rb"), log, 4096)


def test_expect_sees_whole_lines() -> None:
    """An unfinished line waits for its end."""
    log = Log()
    log.put(b"one\r\nport 4")
    process = expecting(log)
    timer = threading.Timer(0.02, log.put, [b"43\r\n"])
    timer.start()
    process.expect(rb"port (\d+)", timeout=20)
    timer.join()
    assert process.match[1] == b"443"


def test_prompt() -> None:
    """A line without an end is returned after a while, and a wait without output times out."""
    log = Log()
    log.put("hello\n>>> ")
    process = expecting(log)
    process.expect_exact(b">>> ", timeout=20)
    with pytest.raises(TIMEOUT):
        process.expect(b"never", timeout=0.1)
    process.close()
    with pytest.raises(EOF):
        process.expect(b"never", timeout=20)


def test_file_and_terminal(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """The file has only the bytes of this test, and standard output has prefixed lines."""
    path = tmp_path / "of-a-dut" / "dut.log"
    path.parent.mkdir()
    path.write_text("of an earlier test\n")
    log = Log()
    log.open(path, Show(stamped=False, name="dut-1"))
    log.put(b"one\r\nt")
    log.put(b"wo\r\nthree")
    log.close()
    log.put(b"after its end\n")
    assert path.read_bytes() == b"one\r\ntwo\r\nthree"
    assert capfd.readouterr().out == "[dut-1] one\n[dut-1] two\n[dut-1] three\n"


def test_a_full_disk_does_not_end_the_reader() -> None:
    """If the file cannot be written, `put` does not raise, and `expect` still gets the output."""
    log = Log()
    log.open(Path("/dev/full"), Show(stamped=False))
    log.put(b"ready\n")
    assert log.read(0, 100, 0) == b"ready\n"


def test_from_another_process(tmp_path: Path) -> None:
    """A log can be passed to the process that reads the output of pytest-embedded's own QEMU."""
    printed = tmp_path / "qemu.log"
    printed.write_bytes(b"from elsewhere\n")
    log = Log()
    process = _PopenRedirectProcess(log, str(printed))
    process.start()
    try:
        expecting(log).expect_exact(b"from elsewhere", timeout=Deadline(30).seconds)
    finally:
        process.terminate()
        process.join()
        log.close()


def test_the_other_process_ends_with_the_log() -> None:
    """A process without output notices that the log has been closed."""
    reading, writing = multiprocessing.Pipe(duplex=False)
    remote = Remote(writing)
    remote.put(b"")
    reading.close()
    with pytest.raises(BrokenPipeError):
        remote.put(b"")
