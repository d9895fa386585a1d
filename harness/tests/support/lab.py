# SPDX-License-Identifier: MIT
"""A lab on loopback: labgrid's coordinator, our exporter, and labgrid's client."""

from __future__ import annotations

import contextlib
import os
import select
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import locked_packages
import psutil
from espbench.util.timeouts import Deadline

PATIENCE = 30.0


def packages() -> Path:
    """Return a folder with labgrid's locked packages; install them if necessary.

    They cannot be in the tree's environment: see espbench.plugin.conflicts.
    """
    return locked_packages.install("lab")


def free_port() -> int:
    """Return a loopback port that was free a moment ago."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


class Lab:
    """A coordinator; leaving the context ends everything that was started."""

    def __init__(self, folder: Path, site: Path) -> None:
        """Start the coordinator with its files in `folder`."""
        self.folder = folder
        self.temporary = folder / "tmp"
        self.temporary.mkdir()
        self.address = f"127.0.0.1:{free_port()}"
        self.environment = {
            **os.environ,
            "PYTHONPATH": str(site),
            "LG_COORDINATOR": self.address,
            "TMPDIR": str(self.temporary),
            "PYTHONUNBUFFERED": "1",
        }
        self._stack = contextlib.ExitStack()
        self._start("coordinator", "labgrid.remote.coordinator", "-l", self.address)
        host, port = self.address.split(":")
        deadline = Deadline(PATIENCE)
        while True:
            with contextlib.suppress(OSError), socket.create_connection((host, int(port)), 1):
                return
            assert not deadline.expired(), self.log("coordinator")

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """End all processes."""
        self._stack.close()

    def log(self, name: str) -> str:
        """Return the output of a process."""
        return (self.folder / f"{name}.log").read_text(errors="replace")

    def _start(
        self, name: str, module: str, *arguments: str, **environment: str
    ) -> subprocess.Popen[bytes]:
        with (self.folder / f"{name}.log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", module, *arguments],
                cwd=self.folder,
                env={**self.environment, **environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        self._stack.callback(_end, process)
        return process

    def export(self, resources: str) -> subprocess.Popen[bytes]:
        """Start our exporter with this resource file; return once it is connected."""
        path = self.folder / "exporter.yaml"
        path.write_text(resources)
        process = self._start("exporter", "espbench.lab.exporter", "-n", "emulated", str(path))
        deadline = Deadline(PATIENCE)
        while "creating poll task" not in self.log("exporter"):
            assert process.poll() is None, self.log("exporter")
            assert not deadline.expired(), self.log("exporter")
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(0.05)
        return process

    def client(self, *arguments: str, user: str = "alice") -> tuple[int, str]:
        """Run labgrid-client; return its exit status and output."""
        result = subprocess.run(
            [sys.executable, "-m", "labgrid.remote.client", *arguments],
            cwd=self.folder,
            env={**self.environment, "LG_USERNAME": user},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=Deadline(PATIENCE).seconds,
            check=False,
        )
        return result.returncode, result.stdout + result.stderr

    def does(self, *arguments: str, user: str = "alice") -> str:
        """Run labgrid-client, which must succeed; return its output."""
        status, output = self.client(*arguments, user=user)
        assert status == 0, output + self.log("exporter")
        return output

    def place(self, name: str, match: str) -> None:
        """Create a place from matching resources."""
        self.does("-p", name, "create")
        self.does("-p", name, "add-match", match)

    def tests(self, environment: Path, test: Path, user: str) -> subprocess.Popen[bytes]:
        """Start pytest with labgrid's fixtures; its output goes to the user's log."""
        options = ["-p", "no:pytest_embedded", "-p", "no:cacheprovider", "-rA", "--color=no"]
        options += [f"--lg-env={environment}", str(test)]
        return self._start(user, "pytest", *options, LG_USERNAME=user)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def qemus(process: subprocess.Popen[bytes]) -> list[int]:
    """Return the process ids of the QEMUs that an exporter runs."""
    children = psutil.Process(process.pid).children(recursive=True)
    return sorted(child.pid for child in children if "qemu" in child.name())


@contextlib.contextmanager
def watched(pids: list[int]) -> Iterator[None]:
    """Check that each of these processes ends after the block."""
    descriptors = [os.pidfd_open(pid) for pid in pids]
    try:
        yield
        deadline = Deadline(10)
        for descriptor in descriptors:
            poll = select.poll()
            poll.register(descriptor, select.POLLIN)
            assert poll.poll(deadline.remaining() * 1000), "a QEMU outlived its lease"
    finally:
        for descriptor in descriptors:
            os.close(descriptor)
