# SPDX-License-Identifier: MIT
set(IDF_TARGET esp32s3)
# `espbench build` sets this, also for a copy of this folder elsewhere.
if(NOT ESPBENCH_FIRMWARE)
    set(ESPBENCH_FIRMWARE ${CMAKE_CURRENT_LIST_DIR}/../..)
endif()
include(${ESPBENCH_FIRMWARE}/ports/esp32/board.cmake)
# The emulator has no USB.
set(MICROPY_PY_TINYUSB OFF)
