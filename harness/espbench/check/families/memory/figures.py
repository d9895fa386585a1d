# SPDX-License-Identifier: MIT
"""Figures of the heap and of the stacks, with the servers running."""

from __future__ import annotations

import contextlib

from espbench.check.check import NotApplicable, Observation, check, expect
from espbench.check.families.memory.support import HANDSHAKE, SETTLED, exercise, prepared
from espbench.check.result import Figure, Severity
from espbench.check.subject import Subject
from espbench.clients import TlsStream
from espbench.clients.errors import ClientError
from espbench.inspect.tasks.task import least_free
from espbench.util.listing import listing

SESSIONS = 2
LITTLE = 256
"""Bytes of free stack below which a task is worth a word: an interrupt's frame takes 200."""


@check(
    "memory.heap",
    "ESP-IDF, components/heap/include/esp_heap_caps.h",
    Severity.ROBUSTNESS,
    needs="",
    inspects=True,
    fresh=True,
    estimate=12,
)
def heap(subject: Subject) -> Observation:
    """Measures the free heap at rest, and its minimum while each server serves a client."""
    device = subject.device
    exercise(subject)  # what is allocated once and for all
    device.settle(SETTLED)
    device.memory.heap_reset()
    exercise(subject)
    at_rest = device.settle(SETTLED)
    return Observation(
        "",
        [
            Figure("memory.free", "free heap at rest", at_rest.free, "B", "higher", 4096),
            Figure(
                "memory.low_water",
                "least free heap while serving",
                at_rest.low_water,
                "B",
                "higher",
                8192,
            ),
            Figure(
                "memory.largest",
                "largest free block at rest",
                at_rest.largest,
                "B",
                "higher",
                24576,
            ),
        ],
    )


@check(
    "memory.tls_session",
    "ESP-IDF, docs/en/api-reference/protocols/mbedtls.rst",
    Severity.ROBUSTNESS,
    needs="tls",
    inspects=True,
    estimate=5,
)
def tls_session(subject: Subject) -> Observation:
    """Measures the heap that an idle TLS session holds and that a handshake needs at its peak."""
    device = subject.device
    subject.answers(timeout=HANDSHAKE)
    device.settle(SETTLED)
    before = device.heap_at_rest(SETTLED).free
    device.memory.heap_reset()
    streams: list[TlsStream] = []
    try:
        with prepared("a handshake"):
            streams.append(subject.endpoint.patient(HANDSHAKE).tls_stream())
        peak = before - device.heap_at_rest(SETTLED).low_water
        with contextlib.suppress(ClientError):  # there may be a place for one alone
            while len(streams) < SESSIONS:
                streams.append(subject.endpoint.patient(HANDSHAKE).tls_stream())
        held = before - device.heap_at_rest(SETTLED).free
    finally:
        for each in streams:
            each.close()
    each_one = held / len(streams)
    return Observation(
        "",
        [
            Figure("memory.tls_session", "heap per TLS session", each_one, "B", tolerance=2048),
            Figure("memory.tls_handshake", "heap for a handshake", peak, "B", tolerance=4096),
        ],
    )


@check(
    "memory.stacks",
    "ESP-IDF, components/freertos/FreeRTOS-Kernel/include/freertos/task.h",
    Severity.ROBUSTNESS,
    needs="",
    inspects=True,
    estimate=4,
)
def stacks(subject: Subject) -> Observation:
    """After requests to each server, no task has used its whole stack."""
    exercise(subject)
    found = least_free(subject.device.tasks())
    if not found:
        raise NotApplicable("The firmware has no tasks.")
    full = [name for name, free in found.items() if free == 0]
    expect(
        not full,
        f"No byte is left on the stack of {listing(full)}: it may have overflowed.",
    )
    little = [f"{name} {free} B" for name, free in sorted(found.items()) if free < LITTLE]
    figures = [
        Figure(f"memory.stack.{name}", f"unused stack of {name}", free, "B", "higher", 256)
        for name, free in sorted(found.items())
    ]
    return Observation(f"Little stack is left: {listing(little)}." if little else "", figures)
