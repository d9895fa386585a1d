# SPDX-License-Identifier: MIT
set(IDF_TARGET esp32c3)
# `espbench build` sets this, also for a copy of this folder elsewhere.
if(NOT ESPBENCH_FIRMWARE)
    set(ESPBENCH_FIRMWARE ${CMAKE_CURRENT_LIST_DIR}/../..)
endif()
include(${ESPBENCH_FIRMWARE}/ports/esp32/board.cmake)
