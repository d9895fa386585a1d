# SPDX-License-Identifier: MIT
# The bench's C modules, for MicroPython's USER_C_MODULES. ESPBENCH_HTTP_PARSER: the folder of
# http-parser 2.9.4 (the ESP-IDF has an older one).
get_filename_component(ESPBENCH_FIRMWARE ${CMAKE_CURRENT_LIST_DIR}/../.. ABSOLUTE)
if(NOT EXISTS "${ESPBENCH_HTTP_PARSER}/http_parser.c")
    message(FATAL_ERROR "set ESPBENCH_HTTP_PARSER to the folder of http-parser 2.9.4, "
        "as `espbench build` does")
endif()

# Without btree, whose library is a submodule of its own. The port switches it on before it reads this
# file, and links the library whether it is on or not.
set(MICROPY_PY_BTREE OFF)
if(NOT TARGET micropy_extmod_btree)
    add_library(micropy_extmod_btree INTERFACE)
endif()

add_library(usermod_espbench INTERFACE)

set(ESPBENCH_SOURCES)
foreach(folder ports/esp32 ports/esp32/qemu_workarounds ports/esp32/servers ports/common)
    file(GLOB found CONFIGURE_DEPENDS ${ESPBENCH_FIRMWARE}/${folder}/*.c)
    list(APPEND ESPBENCH_SOURCES ${found})
    target_include_directories(usermod_espbench INTERFACE ${ESPBENCH_FIRMWARE}/${folder})
endforeach()
foreach(module bench webserver httpserver wsserver webrepl)
    file(GLOB_RECURSE found CONFIGURE_DEPENDS ${ESPBENCH_FIRMWARE}/modules/${module}/*.c)
    list(APPEND ESPBENCH_SOURCES ${found})
endforeach()

target_sources(usermod_espbench INTERFACE
    ${ESPBENCH_SOURCES}
    ${ESPBENCH_HTTP_PARSER}/http_parser.c
)
target_include_directories(usermod_espbench INTERFACE
    ${ESPBENCH_FIRMWARE}/modules
    ${ESPBENCH_HTTP_PARSER}
)
# CMake compiles these sources for the executable too, and it is that copy which is linked. The IDF
# gives the executable neither this definition, without which FreeRTOS's headers are another's, nor
# an optimisation or debugging information.
target_compile_options(usermod_espbench INTERFACE -O2 -ggdb)
target_compile_definitions(usermod_espbench INTERFACE
    ESP_PLATFORM
    ESPBENCH_VERSION="${ESPBENCH_VERSION}"
    HTTP_PARSER_STRICT=1
)

# MicroPython before v1.27 gives a pointer where ESP-IDF v5.5 wants a timer group's number, which it
# does not look at on an ESP32, and which sets what is set already on an ESP32-C3: for GCC 14 an error.
set_source_files_properties(${MICROPY_PORT_DIR}/machine_timer.c PROPERTIES
    COMPILE_OPTIONS -Wno-error=int-conversion)

# Where MicroPython's port, lwIP and FreeRTOS have no hook of their own: see startup.c, stdin.c,
# net_heap.c, lwip_timers.c, rx_buffer.c, late_interrupts.c.
set(ESPBENCH_WRAPPED machine_timer_deinit_all pyexec_file_if_exists gc_get_max_new_split
    mp_hal_stdin_rx_chr mem_malloc mem_calloc mem_free sys_check_timeouts tcp_timer_needed sys_timeout
    malloc free)
if(CONFIG_IDF_TARGET_ARCH_RISCV)
    list(APPEND ESPBENCH_WRAPPED vPortEnterCritical vPortYield)
endif()
foreach(symbol ${ESPBENCH_WRAPPED})
    target_link_options(usermod_espbench INTERFACE -Wl,--wrap=${symbol})
endforeach()

target_link_libraries(usermod INTERFACE usermod_espbench)
