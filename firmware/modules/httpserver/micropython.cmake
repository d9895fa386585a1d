# SPDX-License-Identifier: MIT
include_guard(GLOBAL)
include(${CMAKE_CURRENT_LIST_DIR}/../webserver/micropython.cmake)

add_library(usermod_httpserver INTERFACE)
target_sources(usermod_httpserver INTERFACE
    ${CMAKE_CURRENT_LIST_DIR}/body_streams.c
    ${CMAKE_CURRENT_LIST_DIR}/handlers.c
    ${CMAKE_CURRENT_LIST_DIR}/info.c
    ${CMAKE_CURRENT_LIST_DIR}/modhttpserver.c
    ${CMAKE_CURRENT_LIST_DIR}/pem_file.c
)
target_link_libraries(usermod_httpserver INTERFACE usermod_webserver)
target_link_libraries(usermod INTERFACE usermod_httpserver)
