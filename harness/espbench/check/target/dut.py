# SPDX-License-Identifier: MIT
"""`Dut`: the device under test: boots one firmware as often as needed, and knows its servers."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from pathlib import Path

from espbench.boards.readiness import Readiness, ReadyTarget
from espbench.check.credentials.find import Sources
from espbench.check.diagnosis.state import watch_restarts
from espbench.check.errors import CheckFailed
from espbench.check.profile import Profile
from espbench.check.server import Server
from espbench.check.subject import Subject
from espbench.check.target.discovery import FORWARDS, find_servers
from espbench.check.target.firmware import Firmware
from espbench.device.device import Device
from espbench.device.firmware_file import elf_of
from espbench.errors import ConfigError, DeviceError, EspbenchError
from espbench.flash.littlefs_image import Content, write_new
from espbench.util import tempdirs
from espbench.util.timeouts import Deadline

__all__ = ["BOOT", "ENDED", "NAME", "Dut", "Save"]

ENDED = "The run of the checks has ended."
BOOT = "boot.comes_up"
"""The check that a firmware fails which does not boot."""
NAME = "check"
"""The name of each device, with which its errors begin."""

SILENCE, MOST_SILENCE = 2.0, 12.0
"""Seconds of silence after which a firmware without servers has booted, and the most for it."""

Save = Callable[[Device, str], Path | None]
"""Saves the evidence of a device under a check's name; returns the folder."""


class _Answering:
    """Ready when each server that was found answers; without servers, at once."""

    def __init__(self, servers: Sequence[Server], profile: Profile) -> None:
        self._servers = servers
        self._profile = profile

    def wait(self, device: ReadyTarget, deadline: Deadline) -> bool:
        """Return whether all answered before the deadline."""
        assert isinstance(device, Device)
        subject = Subject(device, self._servers, profile=self._profile)
        return not subject.wait_until_served(deadline)

    def describe(self, device: ReadyTarget) -> str:  # noqa: ARG002
        """Return the expected event."""
        names = " and ".join(f"{each.scheme} on port {each.port}" for each in self._servers)
        return f"answer {names}" if names else "boot"


class Dut:
    """One device at a time, which is replaced by a fresh one when a check has spoiled it."""

    def __init__(
        self,
        firmware: Firmware,
        servers: Sequence[Server] | None = None,
        save: Save | None = None,
    ) -> None:
        """Prepare; nothing boots yet.

        Args:
            firmware: what to boot.
            servers: what it serves, if another `Dut` of the same firmware has found out.
            save: saves the evidence of a boot that fails.
        """
        self.firmware = firmware
        self._servers = None if servers is None else tuple(servers)
        self._device: Device | None = None
        self.save = save
        self._unbootable: DeviceError | ConfigError | None = None
        self._ending = threading.Lock()
        self._open: set[Device] = set()  # those that boot, and further ones
        self.ended = False
        """Whether `end` was called."""
        self.evidence: Path | None = None
        """The evidence of the last boot that failed."""
        self.checked = BOOT
        """The ID of the running check, for the first evidence of a further device; then ""."""
        self.boot_seconds = 0.0
        """How long the last boot took until everything answered."""

    @property
    def servers(self) -> tuple[Server, ...]:
        """What the device serves; boots it if that is not known yet.

        Raises:
            EspbenchError: it does not boot; after the first attempt, at once.
        """
        if self._unbootable is not None:
            raise self._unbootable
        if self._servers is None:
            try:
                self.device()
            except (DeviceError, ConfigError) as error:
                self._unbootable = error.with_traceback(None)
                raise
        assert self._servers is not None
        return self._servers

    @property
    def running(self) -> bool:
        """Whether there is a device, and QEMU has not ended."""
        return self._device is not None and self._device.running

    def device(self, *, fresh: bool = False) -> Device:
        """Return the running device, or boot one.

        Args:
            fresh: whether to boot one in any case.

        Raises:
            EspbenchError: it does not boot, or `end` was called.
        """
        if fresh or (self._device is not None and not self._device.running):
            self.close()
        if self._device is None:
            self._check_not_ended()
            self._device = self._boot()
            try:
                self._check_not_ended()
            except DeviceError:
                self.close()
                raise
        return self._device

    def _check_not_ended(self) -> None:
        if self.ended:
            raise DeviceError(ENDED)

    def end(self) -> None:
        """End the device, one that boots, and further ones; from now on, none boots."""
        with self._ending:
            self.ended = True
            left = list(self._open)
        for device in left:
            device.close()
        self.close()

    def close(self) -> None:
        """End the device; the next one is fresh."""
        if self._device is not None:
            device, self._device = self._device, None
            device.close()

    def _answering(self, servers: Sequence[Server]) -> _Answering:
        return _Answering(servers, self.firmware.profile)

    def _boot(self) -> Device:
        began = time.monotonic()
        if self._servers is None:
            device, found = self._discover()
            self._servers = tuple(found)
        else:
            device = self._make(self.firmware.ready or self._answering(self._servers))
            with self._kept(device):
                device.start(wait=False)
                device.wait_ready()
                if not self._servers:  # nothing tells when it has booted but its silence
                    device.console.wait_quiet(SILENCE, Deadline(MOST_SILENCE))
                if self.firmware.ready is not None:
                    self._answering(self._servers).wait(device, Deadline(device.ready_timeout))
        watch_restarts(device)
        self.boot_seconds = time.monotonic() - began
        return device

    def _discover(self) -> tuple[Device, list[Server]]:
        device = self._make(self.firmware.ready or self._answering(()))
        with self._kept(device):
            device.start(wait=False)
            device.wait_ready()
            found = find_servers(
                device,
                self.firmware.profile,
                self.firmware.paths(),
                Deadline(device.ready_timeout),
            )
        device.readiness = self.firmware.ready or self._answering(found)
        return device, found

    @contextlib.contextmanager
    def _kept(self, device: Device) -> Generator[None]:
        """Save the evidence of a device that the block does not bring up, and end it."""
        try:
            with self._listed(device):
                yield
        except BaseException as error:
            failed = isinstance(error, EspbenchError) and not isinstance(error, ConfigError)
            if self.save is not None and failed and not self.ended:
                self.evidence = self.save(device, BOOT)
            device.close()
            raise

    @contextlib.contextmanager
    def _listed(self, device: Device) -> Generator[None]:
        """Have `end` close a device during the block.

        Raises:
            DeviceError: `end` was called before.
        """
        with self._ending:
            self._check_not_ended()
            self._open.add(device)
        try:
            yield
        finally:
            with self._ending:
                self._open.discard(device)

    @property
    def files(self) -> Mapping[str, Content]:
        """The content of the device's file system, by path."""
        return self.firmware.files

    @property
    def sources(self) -> Sources:
        """Where the firmware's certificate and key may be stored."""
        return self.firmware.sources()

    @contextlib.contextmanager
    def booted(self, files: Mapping[str, Content], image: bytes | None = None) -> Iterator[Subject]:
        """Boot one more device with these files, for the block; nothing is waited for.

        A `CheckFailed` that leaves the block takes the device's console and evidence with it.

        Args:
            files: content of its file system, by path.
            image: another image than the firmware's; None for that.
        """
        with contextlib.ExitStack() as stack:
            path = None
            if image is not None:
                folder = tempdirs.new_folder("check")
                stack.callback(tempdirs.remove_folder, folder)
                path = folder / self.firmware.image.name
                write_new(image, path)
            device = self._make(self._answering(()), files, path)
            stack.enter_context(contextlib.closing(device))
            stack.enter_context(self._listed(device))
            device.start(wait=False)
            try:
                yield Subject(device, self.servers, None, None, self.firmware.profile)
            except CheckFailed as error:
                error.console = device.console.text
                if self.save is not None and self.checked and not self.ended:
                    error.evidence = self.save(device, self.checked)
                    self.checked = ""
                raise

    def _make(
        self,
        ready: Readiness,
        files: Mapping[str, Content] | None = None,
        image: Path | None = None,
    ) -> Device:
        firmware = self.firmware
        elf = firmware.elf
        if image is not None and elf is None:
            beside = elf_of(firmware.image)
            elf = None if beside == firmware.image else beside
        ports = dict(firmware.profile.ports)
        for server in self._servers or ():
            if server.http:
                ports.setdefault(server.scheme, server.port)
        guests = [each.port for each in self._servers or ()] or list(ports.values())
        return Device(
            firmware.board,
            image or firmware.image,
            files=firmware.files if files is None else files,
            files_partition=firmware.files_partition,
            elf=elf,
            ports=ports or None,
            forwards=dict.fromkeys(guests, FORWARDS),
            ready=ready,
            ready_timeout=firmware.ready_timeout,
            watch_heap=False,
            name=NAME,
        )
