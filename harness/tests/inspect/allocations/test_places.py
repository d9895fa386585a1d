# SPDX-License-Identifier: MIT
"""Allocators by their names, places by their chains, and outcomes as one line."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Generator
from pathlib import Path

import pytest
from espbench.crash.types import Frame
from espbench.errors import ConfigError, EspbenchError
from espbench.inspect.allocations import Allocators, Outcome, Place, try_places
from espbench.inspect.allocations.allocators import is_wrapper, retries
from espbench.inspect.allocations.failures import AllocationFailures, Retry, Trial
from espbench.inspect.allocations.places import group, place_chain
from espbench.inspect.stub import Function


class Code:
    """Functions of 0x100 bytes each, in the order given, from 0x1000 on."""

    def __init__(self, *names: str) -> None:
        """Take the names."""
        self.elf = Path("fw.elf")
        self.functions = {
            name: Function(name, 0x1000 + 0x100 * number, 0x100)
            for number, name in enumerate(names)
        }

    def function_at(self, address: int) -> Function | None:
        """Return the function at an address."""
        return next((f for f in self.functions.values() if address in f), None)

    def frames(self, address: int) -> tuple[Frame, ...]:
        """Return the function's frame, with its offset as the line."""
        function = self.function_at(address - 1)
        assert function is not None
        line = address - function.address
        return (Frame(address, function.name, f"/src/{function.name}.c", line),)

    def into(self, name: str, offset: int) -> int:
        """Return a return address in a function."""
        return self.functions[name].address + offset


def code(*names: str) -> Code:
    """Return code with these functions."""
    return Code(*names)


@pytest.mark.parametrize(
    "name",
    [
        *("malloc", "calloc", "_calloc_r", "__wrap_malloc", "esp_mbedtls_mem_calloc"),
        *("mbedtls_calloc", "mem_malloc", "pvPortMalloc", "heap_caps_malloc_default", "valloc"),
        *("heap_caps_aligned_alloc_base", "strdup", "_strdup_r", "net_calloc", "tls_calloc"),
        *("do_memp_malloc_pool$isra$0", "memp_malloc", "esp_dma_capable_malloc", "_Znwj"),
        *("httpd_calloc.constprop.0", "posix_memalign"),
    ],
)
def test_wrappers(name: str) -> None:
    """A function that returns the pointer is not a place of its own."""
    assert is_wrapper(name)


@pytest.mark.parametrize(
    "name",
    ["mbedtls_mpi_grow", "pbuf_alloc", "tcp_alloc", "tcp_pbuf_prealloc", "xQueueGenericCreate"],
)
def test_other_functions(name: str) -> None:
    """A function that does more is a place."""
    assert not is_wrapper(name)


IDF = (
    "heap_caps_malloc_base",
    "heap_caps_aligned_alloc_base",
    "heap_caps_realloc_base",
    "heap_caps_free",
)


def test_allocators_of_idf() -> None:
    """From v5.4 on, all but a resize in place end in one function; v5.3 has two."""
    old = Allocators.of(code(*IDF))  # type: ignore[arg-type]
    assert [(a.function.name, a.size) for a in old.all] == [
        ("heap_caps_malloc_base", 0),
        ("heap_caps_realloc_base", 1),
        ("heap_caps_aligned_alloc_base", 1),
    ]
    assert old.take.name == "heap_caps_malloc_base"
    assert old.take_arguments(100) == (100, 0x1000)
    new = Allocators.of(code(*IDF, "esp_heap_adjust_alignment_to_hw"))  # type: ignore[arg-type]
    assert [a.function.name for a in new.all] == [
        "heap_caps_aligned_alloc_base",
        "heap_caps_realloc_base",
    ]
    assert new.take_arguments(100) == (4, 100, 0x1000)
    assert new.give.name == "heap_caps_free"


def test_allocators_of_other_firmware() -> None:
    """The firmware of lx60 has a heap of its own; an unknown heap has to be described."""
    own = Allocators.of(code("net_malloc", "net_heap_take", "net_heap_give"))  # type: ignore[arg-type]
    assert own.take_arguments(100) == (100,)
    with pytest.raises(ConfigError, match=r"^fw\.elf has neither heap_caps_malloc_base"):
        Allocators.of(code("malloc", "free"))  # type: ignore[arg-type]


def test_places() -> None:
    """Chains without wrappers are places; the call suffices where no other place has it."""
    known = code("base", "calloc", "setup", "grow", "mul", "main")
    calloc, main = known.into("calloc", 8), known.into("main", 32)
    setup, mul = known.into("setup", 16), known.into("mul", 24)
    grow = known.into("grow", 12)
    seen = {
        (calloc, setup, main): Counter({340: 1}),
        (setup, main): Counter({340: 2, 100: 1}),
        (calloc, grow, mul, main): Counter({8: 5}),
        (calloc, grow, setup, main): Counter({8: 1}),
    }
    places = group(known, seen)  # type: ignore[arg-type]
    assert [(p.chain, p.count, p.needed) for p in places] == [
        ((setup, main), 4, 1),
        ((grow, mul, main), 5, 2),
        ((grow, setup, main), 1, 2),
    ]
    assert places[0].name == "setup (setup.c:16)"
    assert places[0].callers == ("main (main.c:32)",)
    assert places[0].sizes == ((340, 3), (100, 1))
    assert str(places[0]) == "setup (setup.c:16): 4 times, 340 B, 100 B"
    assert place_chain(known, (calloc,)) == (calloc,)  # type: ignore[arg-type]


class At:
    """A stop with a stack pointer and a chain."""

    def __init__(self, stack: int, *chain: int) -> None:
        """Take both."""
        self.stack_pointer, self._chain = stack, chain

    def chain(self, depth: int) -> tuple[int, ...]:
        """Return the chain."""
        return self._chain[:depth]


def test_retry() -> None:
    """A function that tries again elsewhere makes one allocation; a loop makes several."""
    known = code("base", "heap_caps_malloc_default", "main")
    assert retries("heap_caps_malloc_default")
    assert not retries("heap_caps_malloc")
    first = known.into("heap_caps_malloc_default", 8)
    second, main = known.into("heap_caps_malloc_default", 24), known.into("main", 32)
    retry = Retry(known)  # type: ignore[arg-type]
    assert not retry.of(At(1, first, main))  # type: ignore[arg-type]
    retry.after(At(1, first, main))  # type: ignore[arg-type]
    assert retry.of(At(1, second, main))  # type: ignore[arg-type]
    for other in (At(1, first, main), At(2, second, main), At(1, second, main + 4), At(1, main)):
        retry.after(At(1, first, main))  # type: ignore[arg-type]
        assert not retry.of(other)  # type: ignore[arg-type]


PLACE = Place(
    chain=(0x400D1234,),
    frames=(Frame(0x400D1234, "mbedtls_ssl_setup", "/idf/library/ssl_tls.c", 1234),),
    count=1,
    sizes=((340, 1),),
    needed=1,
)


class Fake(AllocationFailures):
    """Lets a number of allocations fail, without a guest."""

    def __init__(self, failed: int = 1) -> None:
        """Take the number."""
        self._failing = failed

    def check(self) -> None:
        """Find the stub alive."""

    @contextlib.contextmanager
    def at(self, place: Place, persistent: bool = False) -> Generator[Trial]:
        """Fail so many."""
        assert place is PLACE
        assert not persistent
        yield Trial(self._failing)


def one(
    *free: int,
    failed: int = 1,
    error: str = "",
    alive: bool = True,
    panics: tuple[int, int] = (0, 0),
) -> Outcome:
    """Return the outcome of one trial."""
    heap, restarts = iter(free), iter(panics)

    def exchange() -> None:
        if error:
            raise EspbenchError(error)

    [outcome] = try_places(
        [PLACE],
        Fake(failed),
        exchange,
        lambda: alive,
        free=lambda _: next(heap, None),
        panics=lambda: next(restarts),
    )
    return outcome


def test_outcomes() -> None:
    """An outcome is one line: what fails, and what that leads to."""
    begin = "mbedtls_ssl_setup (ssl_tls.c:1234) fails: "
    lost = one(1000, 660, error="closed")
    assert str(lost) == begin + "340 bytes lost"
    assert (lost.lost, lost.error, lost.served, lost.good) == (340, "closed", False, False)
    assert str(one(1000, 1000, error="closed")) == begin + "only this exchange ends"
    assert str(one()) == begin + "served all the same"
    assert one().good
    restarted = one(1000, 100, panics=(2, 3))
    assert str(restarted) == begin + "the device restarts"
    assert (restarted.lost, restarted.panics) == (None, 1)
    dead = one(1000, alive=False)
    assert str(dead) == begin + "the device does not answer any more"
    assert not dead.good
    assert str(one(failed=0)) == begin + "not reached this time"
    persistent = Outcome(PLACE, True, 9, False, "", 0, True, 12)
    assert str(persistent) == (
        "mbedtls_ssl_setup (ssl_tls.c:1234) fails persistently: 12 bytes lost"
    )
