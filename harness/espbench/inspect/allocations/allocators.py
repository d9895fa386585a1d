# SPDX-License-Identifier: MIT
"""Which functions of a firmware allocate, so that every allocation is seen exactly once.

ESP-IDF: every allocation ends in a `_base` function of components/heap (v5.3 to v5.5:
heap_caps_base.c). In v5.3 malloc, calloc and realloc end in `heap_caps_malloc_base`, and aligned
ones in `heap_caps_aligned_alloc_base`; from v5.4 on the former calls the latter. Below the public
functions, so that these report the failure as they do when memory has run out
(`heap_caps_register_failed_alloc_callback`, CONFIG_HEAP_ABORT_WHEN_ALLOCATION_FAILS).

The firmware of `lx60`: firmware/ports/lx60/net/net_heap.c. MicroPython's heap is not part of it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from espbench.errors import ConfigError
from espbench.inspect.stub import FirmwareCode, Function, GdbStub, Stop

__all__ = ["Allocator", "Allocators", "base_name", "is_wrapper", "retries"]

CAPS = 1 << 12
"""MALLOC_CAP_DEFAULT (esp_heap_caps.h): what malloc() takes from, internal memory before PSRAM."""
WORD = 4

_WRAPPER = re.compile(
    r"_*(\w+_)?(m|c|re|v|pv)alloc(_(r|default|base|prefer|caps|internal|iram|impl))*"
    r"|heap_caps_\w+|pvPortMalloc\w*|\w*(memalign|aligned_alloc)\w*"
    r"|_*(\w+_)?strn?dup(_r)?|do_memp_malloc_pool|_Zn[wa]\w+"
)
_RETRIES = re.compile(r"heap_caps_(malloc|realloc)_default|heap_caps_\w+_prefer")


def is_wrapper(name: str) -> bool:
    """Return whether a function only passes on a pointer that it allocates, like `calloc`.

    Its caller, not the function, is the place that allocates.
    """
    return bool(_WRAPPER.fullmatch(base_name(name)))


def base_name(name: str) -> str:
    """Return a function's name without what the compiler appends, as in f.isra.0 or f$isra$0."""
    return re.split(r"[.$]", name)[0]


def retries(name: str) -> bool:
    """Return whether a function tries again elsewhere when an allocation has failed."""
    return bool(_RETRIES.fullmatch(name))


@dataclass(frozen=True)
class Allocator:
    """A function that allocates.

    Attributes:
        function: the function.
        size: number of the argument that is the size in bytes.
        resizes: whether it resizes a block, and may call the other allocators for it.
    """

    function: Function
    size: int
    resizes: bool = False

    def requested(self, stop: Stop) -> int:
        """Return the size that is asked for at the function's entry; 0 frees or does nothing."""
        return stop.arguments(self.size + 1)[self.size]


@dataclass(frozen=True)
class Allocators:
    """The functions that allocate, and those that hold memory back.

    Attributes:
        all: the allocators.
        take, give: allocate and free a block without counting as an allocation of the firmware.
        alignment: whether `take` has an alignment before the size.
        caps: capabilities of the memory that `take` allocates from; None: it takes none.
    """

    all: tuple[Allocator, ...]
    take: Function
    give: Function
    alignment: bool = False
    caps: int | None = None

    @classmethod
    def of(cls, code: FirmwareCode) -> Allocators:
        """Find them by the ELF's symbols.

        Raises:
            ConfigError: the firmware has none of the known allocators.
        """
        f = code.functions
        if {"heap_caps_malloc_base", "heap_caps_realloc_base", "heap_caps_free"} <= f.keys():
            return cls._of_idf(f)
        if {"net_malloc", "net_heap_take", "net_heap_give"} <= f.keys():
            known = [Allocator(f["net_malloc"], 0)]
            if "net_realloc" in f:
                known.append(Allocator(f["net_realloc"], 1, resizes=True))
            return cls(tuple(known), f["net_heap_take"], f["net_heap_give"])
        raise ConfigError(
            f"{code.elf} has neither heap_caps_malloc_base (ESP-IDF from v5.3 on) nor net_malloc "
            "(espbench's firmware for lx60), so its allocations cannot be seen: pass "
            "Allocators(...) with the functions of its heap."
        )

    @classmethod
    def _of_idf(cls, f: dict[str, Function]) -> Allocators:
        resize = Allocator(f["heap_caps_realloc_base"], 1, resizes=True)
        aligned = f.get("heap_caps_aligned_alloc_base")
        # It came in v5.4 with the one allocator for all alignments.
        if "esp_heap_adjust_alignment_to_hw" in f and aligned is not None:
            return cls((Allocator(aligned, 1), resize), aligned, f["heap_caps_free"], True, CAPS)
        malloc = f["heap_caps_malloc_base"]
        known = [Allocator(malloc, 0), resize]
        if aligned is not None:
            known.append(Allocator(aligned, 1))
        return cls(tuple(known), malloc, f["heap_caps_free"], False, CAPS)

    @classmethod
    def checked(cls, stub: GdbStub, known: Allocators | None) -> Allocators:
        """Return the known ones, or else those of the stub's firmware, which must be running.

        Raises:
            ConfigError: the firmware has none of the known allocators.
            StubError: the ELF is that of another build.
        """
        found = known or cls.of(stub.code)
        stub.check_code([*(allocator.function for allocator in found.all), found.take, found.give])
        return found

    def at(self, address: int) -> Allocator | None:
        """Return the allocator that begins at an address."""
        return next((a for a in self.all if a.function.address == address), None)

    def continues(self, stop: Stop) -> bool:
        """Return whether a stop is part of an allocation that has stopped before."""
        return any(a.resizes and stop.return_address in a.function for a in self.all)

    def take_arguments(self, size: int) -> tuple[int, ...]:
        """Return the arguments that make `take` allocate so many bytes."""
        arguments = (WORD, size) if self.alignment else (size,)
        return arguments if self.caps is None else (*arguments, self.caps)
