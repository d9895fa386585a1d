# SPDX-License-Identifier: MIT
# Settings shared by the bench's boards of MicroPython's esp32 port; included by their
# mpconfigboard.cmake.
get_filename_component(ESPBENCH_FIRMWARE ${CMAKE_CURRENT_LIST_DIR}/../.. ABSOLUTE)

if(NOT ESPBENCH_VERSION)
    set(ESPBENCH_VERSION 0.1.0)
endif()

# Configure and build only the components that the firmware links; core dumps are linked by their
# options.
set(COMPONENTS main espcoredump)

# Nothing from micropython-lib is frozen, so its submodule is not needed.
set(MICROPY_LIB_DIR ${CMAKE_CURRENT_LIST_DIR}/no-micropython-lib)

# The board's own options come last and take precedence.
file(WRITE ${CMAKE_BINARY_DIR}/sdkconfig.partitions
    "CONFIG_PARTITION_TABLE_CUSTOM_FILENAME=\"${CMAKE_CURRENT_LIST_DIR}/partitions.csv\"\n")
set(SDKCONFIG_DEFAULTS
    boards/sdkconfig.base
    ${CMAKE_CURRENT_LIST_DIR}/sdkconfig.bench
    ${CMAKE_BINARY_DIR}/sdkconfig.partitions
)
if(EXISTS ${MICROPY_BOARD_DIR}/sdkconfig.board)
    list(APPEND SDKCONFIG_DEFAULTS ${MICROPY_BOARD_DIR}/sdkconfig.board)
endif()

if(NOT USER_C_MODULES)
    set(USER_C_MODULES ${CMAKE_CURRENT_LIST_DIR}/micropython.cmake)
endif()

# The device's page, as a frozen module with one gzipped file; rebuilt when its sources change.
set(ESPBENCH_PAGE ${CMAKE_BINARY_DIR}/page)
file(MAKE_DIRECTORY ${ESPBENCH_PAGE})
execute_process(
    COMMAND python3 ${ESPBENCH_FIRMWARE}/web/build.py ${ESPBENCH_PAGE}/page_data.py
    COMMAND_ERROR_IS_FATAL ANY
)
file(GLOB ESPBENCH_PAGE_PARTS ${ESPBENCH_FIRMWARE}/web/*)
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${ESPBENCH_PAGE_PARTS})

# makemanifest.py has no variable for the build folder.
if(NOT MICROPY_FROZEN_MANIFEST)
    set(MICROPY_FROZEN_MANIFEST ${CMAKE_BINARY_DIR}/manifest.py)
    file(WRITE ${MICROPY_FROZEN_MANIFEST}
        "include(\"${CMAKE_CURRENT_LIST_DIR}/manifest.py\")\n"
        "freeze(\"${ESPBENCH_PAGE}\", (\"page_data.py\",))\n"
    )
endif()
