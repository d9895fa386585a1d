# SPDX-License-Identifier: MIT
# For MicroPython's USER_C_MODULES on an ESP32: httpserver, wsserver and webrepl, see
# docs/how-to/own-esp32-firmware.md.
include(${CMAKE_CURRENT_LIST_DIR}/httpserver/micropython.cmake)
include(${CMAKE_CURRENT_LIST_DIR}/wsserver/micropython.cmake)
include(${CMAKE_CURRENT_LIST_DIR}/webrepl/micropython.cmake)
