# One core: MicroPython and the network share it. The emulator boots it quicker.
list(APPEND SDKCONFIG_DEFAULTS ${MICROPY_BOARD_DIR}/sdkconfig.unicore)
