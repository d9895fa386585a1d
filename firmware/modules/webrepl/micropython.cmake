# SPDX-License-Identifier: MIT
include_guard(GLOBAL)
include(${CMAKE_CURRENT_LIST_DIR}/../webserver/micropython.cmake)

add_library(usermod_webrepl INTERFACE)
target_sources(usermod_webrepl INTERFACE
    ${CMAKE_CURRENT_LIST_DIR}/auth.c
    ${CMAKE_CURRENT_LIST_DIR}/files.c
    ${CMAKE_CURRENT_LIST_DIR}/modwebrepl.c
    ${CMAKE_CURRENT_LIST_DIR}/repl.c
    ${CMAKE_CURRENT_LIST_DIR}/request.c
    ${CMAKE_CURRENT_LIST_DIR}/session.c
    ${CMAKE_CURRENT_LIST_DIR}/terminal.c
)
target_link_libraries(usermod_webrepl INTERFACE usermod_webserver)
target_link_libraries(usermod INTERFACE usermod_webrepl)
