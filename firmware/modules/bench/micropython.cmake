# SPDX-License-Identifier: MIT
include_guard(GLOBAL)

add_library(usermod_bench INTERFACE)
target_sources(usermod_bench INTERFACE
    ${CMAKE_CURRENT_LIST_DIR}/ballast.c
    ${CMAKE_CURRENT_LIST_DIR}/cycles.c
    ${CMAKE_CURRENT_LIST_DIR}/decimal.c
    ${CMAKE_CURRENT_LIST_DIR}/faults.c
    ${CMAKE_CURRENT_LIST_DIR}/json.c
    ${CMAKE_CURRENT_LIST_DIR}/modbench.c
    ${CMAKE_CURRENT_LIST_DIR}/panic.c
)
get_filename_component(modules ${CMAKE_CURRENT_LIST_DIR}/.. ABSOLUTE)
target_include_directories(usermod_bench INTERFACE ${modules})
target_link_libraries(usermod INTERFACE usermod_bench)
