# What the bench's boards of MicroPython's esp32 port share; included by their mpconfigboard.cmake.
get_filename_component(ESPBENCH_BOARDS ${CMAKE_CURRENT_LIST_DIR}/.. ABSOLUTE)

if(NOT ESPBENCH_VERSION)
    set(ESPBENCH_VERSION 0.1.0)
endif()

# Only what the firmware links is configured and built.
set(COMPONENTS main)

# Nothing of micropython-lib is frozen in: its submodule is not needed.
set(MICROPY_LIB_DIR ${CMAKE_CURRENT_LIST_DIR}/no-micropython-lib)

set(SDKCONFIG_DEFAULTS boards/sdkconfig.base ${CMAKE_CURRENT_LIST_DIR}/sdkconfig.bench)
if(NOT MICROPY_FROZEN_MANIFEST)
    set(MICROPY_FROZEN_MANIFEST ${CMAKE_CURRENT_LIST_DIR}/manifest.py)
endif()
if(NOT USER_C_MODULES)
    set(USER_C_MODULES ${CMAKE_CURRENT_LIST_DIR}/modules.cmake)
endif()

# The device's page, as a frozen module with one gzipped file in it.
set(ESPBENCH_PAGE ${CMAKE_BINARY_DIR}/page)
file(MAKE_DIRECTORY ${ESPBENCH_PAGE})
execute_process(
    COMMAND python3 ${ESPBENCH_BOARDS}/../page/build.py ${ESPBENCH_PAGE}/page_data.py
    COMMAND_ERROR_IS_FATAL ANY
)
set(ENV{MICROPY_MANIFEST_PAGE_DIR} ${ESPBENCH_PAGE})
