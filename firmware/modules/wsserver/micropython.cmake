# SPDX-License-Identifier: MIT
include_guard(GLOBAL)
include(${CMAKE_CURRENT_LIST_DIR}/../webserver/micropython.cmake)

add_library(usermod_wsserver INTERFACE)
target_sources(usermod_wsserver INTERFACE
    ${CMAKE_CURRENT_LIST_DIR}/modwsserver.c
)
target_link_libraries(usermod_wsserver INTERFACE usermod_webserver)
target_link_libraries(usermod INTERFACE usermod_wsserver)
