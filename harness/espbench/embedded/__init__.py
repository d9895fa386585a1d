# SPDX-License-Identifier: MIT
"""Runs tests with pytest-embedded's `dut` on espbench's machine.

pytest-embedded provides `dut`, its `expect` and its options. The QEMU below them is a `Device`: it
cannot outlive its test, writes to a copy of the flash image, and forwards its ports to the host.
The modules `qemu`, `app`, `log` and `manager` import pytest-embedded, so they are imported late.
"""
