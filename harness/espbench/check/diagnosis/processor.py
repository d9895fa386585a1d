# SPDX-License-Identifier: MIT
"""Who has the processor: samples of the current task and its function, from outside."""

from __future__ import annotations

import contextlib
import threading
from collections import Counter
from dataclasses import dataclass

from elftools.elf.elffile import ELFFile

from espbench.crash.symbols import Symbols
from espbench.device.device import Device
from espbench.errors import InspectError, NotInspectable, QmpError
from espbench.util.listing import listing

__all__ = ["Sample", "busiest", "sample"]

SAMPLES = 20
PAUSE = 0.02
"""Seconds between two samples: FreeRTOS's tick is 10 ms, so neighbours see different ticks."""
UNKNOWN = "??"
"""What stands for a function without a symbol."""
IDLE = "idle"
IDLE_FUNCTIONS = frozenset(
    {"esp_cpu_wait_for_intr", "prvIdleTask", "vApplicationIdleHook", "esp_vApplicationIdleHook"}
)


@dataclass(frozen=True)
class Sample:
    """What a core does at a moment.

    Attributes:
        core: its number.
        task: the name of the current task; "" without FreeRTOS.
        function: the function at its program counter.
    """

    core: int
    task: str
    function: str

    @property
    def idle(self) -> bool:
        """Whether it has nothing to do."""
        return self.task.lower().startswith(IDLE) or self.function in IDLE_FUNCTIONS


def sample(device: Device, count: int = SAMPLES) -> list[Sample]:
    """Return samples of each core; the guest does not notice.

    Raises:
        NotInspectable: the firmware's ELF file is missing or belongs to another build.
        QmpError: QEMU did not answer.
    """
    inspection = device.inspection
    inspection.elf.check()
    found = []
    with inspection.elf.path.open("rb") as file:
        symbols = Symbols(ELFFile(file))
        for _ in range(count):
            with inspection.memory.held():
                cores = inspection.memory.registers()
                tasks: list[str] = []
                with contextlib.suppress(InspectError):
                    tasks = [task.name for task in inspection.running_tasks()]
            for number, registers in enumerate(cores):
                task = tasks[number] if number < len(tasks) else ""
                counter = registers.get("PC", registers.get("pc", 0))
                found.append(Sample(number, task, symbols.function(counter)))
            threading.Event().wait(PAUSE)
    return found


def busiest(device: Device) -> str:
    """Return who has the processor, as a sentence; "" if that cannot be found out."""
    try:
        return describe(sample(device))
    except (NotInspectable, InspectError, QmpError, OSError):
        return ""


def describe(samples: list[Sample]) -> str:
    """Return what samples say, as a sentence."""
    if not samples:
        return ""
    busy = [each for each in samples if not each.idle]
    share = len(busy) / len(samples)
    if share < 0.05:
        return "The processor is idle: every task waits."
    tasks = Counter(each.task for each in busy)
    task, times = tasks.most_common(1)[0]
    functions = Counter(each.function for each in busy if each.task == task)
    named = [name for name, _ in functions.most_common(3) if name != UNKNOWN]
    where = f", in {listing(named)}" if named else ""
    who = f"Task {task}" if task else "The program"
    return f"{who} was running in {times} of {len(samples)} samples{where}."
