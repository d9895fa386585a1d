# SPDX-License-Identifier: MIT
# Both cores of the chip: closer to a real ESP32, and slow in the emulator (see sdkconfig.board).
list(APPEND SDKCONFIG_DEFAULTS ${MICROPY_BOARD_DIR}/sdkconfig.dual)
