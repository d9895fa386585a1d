# SPDX-License-Identifier: MIT
# The bench's C modules, for MicroPython's USER_C_MODULES: the servers, test support, and
# workarounds for the emulator.
get_filename_component(ESPBENCH_FIRMWARE ${CMAKE_CURRENT_LIST_DIR}/../.. ABSOLUTE)

# Disable btree, whose library is a separate submodule. The port enables it before it reads this
# file, and links the library in any case.
set(MICROPY_PY_BTREE OFF)
if(NOT TARGET micropy_extmod_btree)
    add_library(micropy_extmod_btree INTERFACE)
endif()

include(${ESPBENCH_FIRMWARE}/modules/micropython.cmake)
include(${ESPBENCH_FIRMWARE}/modules/bench/micropython.cmake)
include(${CMAKE_CURRENT_LIST_DIR}/qemu_workarounds/micropython.cmake)

add_library(usermod_espbench INTERFACE)
foreach(folder ports/esp32 ports/common)
    file(GLOB found CONFIGURE_DEPENDS ${ESPBENCH_FIRMWARE}/${folder}/*.c)
    target_sources(usermod_espbench INTERFACE ${found})
    target_include_directories(usermod_espbench INTERFACE ${ESPBENCH_FIRMWARE}/${folder})
endforeach()
target_compile_definitions(usermod_espbench INTERFACE ESPBENCH_VERSION="${ESPBENCH_VERSION}")

# MicroPython before v1.27 passes a pointer where ESP-IDF v5.5 expects a timer group's number, an
# error in GCC 14. It is harmless: unused on an ESP32, and without effect on an ESP32-C3.
set_source_files_properties(${MICROPY_PORT_DIR}/machine_timer.c PROPERTIES
    COMPILE_OPTIONS -Wno-error=int-conversion)

# Where MicroPython's port and lwIP have no hook: see startup.c, bench_heap.c.
foreach(symbol pyexec_file_if_exists gc_get_max_new_split mp_thread_deinit mem_malloc mem_calloc mem_free)
    target_link_options(usermod_espbench INTERFACE -Wl,--wrap=${symbol})
endforeach()

target_link_libraries(usermod INTERFACE usermod_espbench)
