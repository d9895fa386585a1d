# SPDX-License-Identifier: MIT
"""A pytest subprocess that is paused in the middle of a test, and the QEMUs that it started."""

from __future__ import annotations

import contextlib
import os
import select
import subprocess
import sys
from pathlib import Path

from espbench.util.tempdirs import PREFIX
from espbench.util.timeouts import Deadline

PATIENCE = 60.0

PREAMBLE = """
import os, signal, threading
import pytest
from espbench import ConsoleReadiness

def tell(device):
    with open(os.environ["FIFO"], "w") as fifo:
        fifo.write(f"{device.pid} {os.getpid()}\\n")
    with open(os.environ["SEEN"], "rb", buffering=0) as seen:
        seen.read(1)

def block():
    # CPython misses a signal that arrives just before a wait without a time-out begins.
    while True:
        threading.Event().wait(0.1)
"""


class Run:
    """A pytest subprocess and the QEMUs that it started."""

    def __init__(self, folder: Path, firmware: Path, source: str, *options: str) -> None:
        """Start pytest on `source`."""
        self.folder = folder
        self.temporary = folder / "tmp"
        self.temporary.mkdir(exist_ok=True)
        fifo, seen = folder / "fifo", folder / "seen"
        for path in (fifo, seen):
            path.unlink(missing_ok=True)
            os.mkfifo(path)
        # Open for reading and writing, so that neither side waits for the other to open it.
        self._fifo = os.open(fifo, os.O_RDWR | os.O_NONBLOCK)
        self._seen = os.open(seen, os.O_RDWR)
        (folder / "pytest.ini").write_text("[pytest]\n")
        (folder / "test_inner.py").write_text(PREAMBLE + source)
        environment = {
            **os.environ,
            "FIFO": str(fifo),
            "SEEN": str(seen),
            "TMPDIR": str(self.temporary),
            "ESPBENCH_CACHE": str(folder / "cache"),
            # Other plugins take longer to load than the whole test.
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        }
        # Under nohup, or in the background of a script, this process ignores signals.
        command = ["env", "--default-signal=INT,TERM,HUP"]
        command += [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "test_inner.py"]
        command += ["-p", "espbench.plugin", "-p", "xdist.plugin"]
        command += [
            "--espbench-firmware",
            str(firmware),
            "--espbench-ready-console",
            "^ready",
            *options,
        ]
        self.process = subprocess.Popen(
            command,
            cwd=folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self.output = ""
        self._pidfds: list[int] = []

    def devices(self, count: int = 1) -> list[tuple[int, int]]:
        """Wait for reports of this many devices; return the process ids of QEMU and its parent."""
        found: list[tuple[int, int]] = []
        text = b""
        deadline = Deadline(PATIENCE)
        while len(found) < count:
            ready, _, _ = select.select([self._fifo], [], [], deadline.remaining())
            assert ready, f"no device was reported within {deadline}: {self.finish()}"
            text += os.read(self._fifo, 4096)
            *lines, text = text.split(b"\n")
            for line in lines:
                pid, parent = map(int, line.split())
                assert Path(f"/proc/{pid}/comm").read_text().startswith("qemu-system")
                self._pidfds.append(os.pidfd_open(pid))
                found.append((pid, parent))
                self.go_on()
        return found

    def go_on(self) -> None:
        """Let a test that reported a device go on."""
        os.write(self._seen, b"x")

    def finish(self) -> str:
        """Wait for pytest to end and return its output."""
        self.output += self.process.communicate(timeout=Deadline(PATIENCE).seconds)[0]
        return self.output

    def assert_none_left(self) -> None:
        """Wait until every QEMU has ended."""
        assert self._pidfds
        deadline = Deadline(10)
        for pidfd in self._pidfds:
            poll = select.poll()
            poll.register(pidfd, select.POLLIN)
            assert poll.poll(deadline.remaining() * 1000), "a QEMU outlived its test"

    def assert_no_files_left(self) -> None:
        """Check that the temporary folder is empty."""
        assert [path.name for path in self.temporary.glob(f"{PREFIX}*")] == []

    def close(self) -> None:
        """End pytest and any QEMU that is left."""
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()
        for descriptor in (*self._pidfds, self._fifo, self._seen):
            os.close(descriptor)
