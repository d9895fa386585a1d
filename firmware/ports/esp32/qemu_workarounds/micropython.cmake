# SPDX-License-Identifier: MIT
# Workarounds that ESP-IDF needs on an emulated chip but not on a real one. A variant of a board
# definition can leave out those for faults of QEMU, to find out whether a release still has them:
# set(ESPBENCH_WITHOUT late_interrupts) in mpconfigvariant_NAME.cmake.
add_library(usermod_qemu_workarounds INTERFACE)
file(GLOB found CONFIGURE_DEPENDS ${CMAKE_CURRENT_LIST_DIR}/*.c)
target_sources(usermod_qemu_workarounds INTERFACE ${found})
target_include_directories(usermod_qemu_workarounds INTERFACE ${CMAKE_CURRENT_LIST_DIR})

foreach(name ${ESPBENCH_WITHOUT})
    string(TOUPPER WITHOUT_${name} macro)
    set_property(SOURCE ${found} APPEND PROPERTY COMPILE_DEFINITIONS ${macro})
endforeach()

# Where lwIP, FreeRTOS and the C library have no hook: see lwip_timers.c, rx_buffer.c,
# late_interrupts.c.
set(wrapped sys_check_timeouts tcp_timer_needed sys_timeout malloc free)
if(CONFIG_IDF_TARGET_ARCH_RISCV AND NOT late_interrupts IN_LIST ESPBENCH_WITHOUT)
    list(APPEND wrapped vPortEnterCritical vPortYield)
endif()
foreach(symbol ${wrapped})
    target_link_options(usermod_qemu_workarounds INTERFACE -Wl,--wrap=${symbol})
endforeach()

target_link_libraries(usermod INTERFACE usermod_qemu_workarounds)
