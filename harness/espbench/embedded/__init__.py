# SPDX-License-Identifier: MIT
"""Runs tests that take pytest-embedded's `dut` on espbench's machine.

pytest-embedded keeps `dut`, its `expect` and its options. The QEMU below them is a `Device`: it
cannot outlive its test, writes to a copy of the flash image, and its network has ends on the host.
The modules `qemu`, `app`, `log` and `manager` import pytest-embedded, and are imported late.
"""
