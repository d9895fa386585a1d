# SPDX-License-Identifier: MIT
# Implements webserver/port.h on an ESP32 with MicroPython's esp32 port and ESP-IDF.
include_guard(GLOBAL)

add_library(usermod_webserver_esp32 INTERFACE)
target_sources(usermod_webserver_esp32 INTERFACE
    ${CMAKE_CURRENT_LIST_DIR}/lwip_lock.c
    ${CMAKE_CURRENT_LIST_DIR}/net_heap.c
    ${CMAKE_CURRENT_LIST_DIR}/network_task.c
    ${CMAKE_CURRENT_LIST_DIR}/soft_reset.c
    ${CMAKE_CURRENT_LIST_DIR}/stdin.c
    ${CMAKE_CURRENT_LIST_DIR}/system.c
)
target_include_directories(usermod_webserver_esp32 INTERFACE ${CMAKE_CURRENT_LIST_DIR})

# CMake also compiles these sources for the executable, and links that copy. ESP-IDF gives the
# executable neither this definition, which FreeRTOS's headers need, nor optimisation or debug
# information.
target_compile_options(usermod_webserver_esp32 INTERFACE -O2 -ggdb)
target_compile_definitions(usermod_webserver_esp32 INTERFACE ESP_PLATFORM)

# Where MicroPython's port has no hook: see soft_reset.c, stdin.c.
foreach(symbol machine_timer_deinit_all mp_deinit mp_hal_stdin_rx_chr)
    target_link_options(usermod_webserver_esp32 INTERFACE -Wl,--wrap=${symbol})
endforeach()
