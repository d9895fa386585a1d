# SPDX-License-Identifier: MIT
include_guard(GLOBAL)

# http-parser 2.9.4, as ESP-IDF's is old and vulnerable to request smuggling.
if(NOT ESPBENCH_HTTP_PARSER)
    set(ESPBENCH_HTTP_PARSER $ENV{ESPBENCH_HTTP_PARSER})
endif()
if(NOT EXISTS "${ESPBENCH_HTTP_PARSER}/http_parser.c")
    message(FATAL_ERROR "Set ESPBENCH_HTTP_PARSER to the folder of http-parser 2.9.4: "
        "git clone -b v2.9.4 https://github.com/nodejs/http-parser")
endif()

add_library(usermod_webserver INTERFACE)
target_sources(usermod_webserver INTERFACE
    ${CMAKE_CURRENT_LIST_DIR}/exception.c
    ${CMAKE_CURRENT_LIST_DIR}/http/authority.c
    ${CMAKE_CURRENT_LIST_DIR}/http/body_stream.c
    ${CMAKE_CURRENT_LIST_DIR}/http/framing.c
    ${CMAKE_CURRENT_LIST_DIR}/http/message.c
    ${CMAKE_CURRENT_LIST_DIR}/http/origin.c
    ${CMAKE_CURRENT_LIST_DIR}/http/origins_argument.c
    ${CMAKE_CURRENT_LIST_DIR}/http/request.c
    ${CMAKE_CURRENT_LIST_DIR}/http/response.c
    ${CMAKE_CURRENT_LIST_DIR}/http/target.c
    ${CMAKE_CURRENT_LIST_DIR}/http/ws_handshake.c
    ${CMAKE_CURRENT_LIST_DIR}/log_limit.c
    ${CMAKE_CURRENT_LIST_DIR}/net/accept.c
    ${CMAKE_CURRENT_LIST_DIR}/net/closed.c
    ${CMAKE_CURRENT_LIST_DIR}/net/connection.c
    ${CMAKE_CURRENT_LIST_DIR}/net/deferred_rst.c
    ${CMAKE_CURRENT_LIST_DIR}/net/listener.c
    ${CMAKE_CURRENT_LIST_DIR}/net/pace.c
    ${CMAKE_CURRENT_LIST_DIR}/net/pending.c
    ${CMAKE_CURRENT_LIST_DIR}/net/places.c
    ${CMAKE_CURRENT_LIST_DIR}/queue.c
    ${CMAKE_CURRENT_LIST_DIR}/routes.c
    ${CMAKE_CURRENT_LIST_DIR}/server.c
    ${CMAKE_CURRENT_LIST_DIR}/stats.c
    ${CMAKE_CURRENT_LIST_DIR}/stream.c
    ${CMAKE_CURRENT_LIST_DIR}/text/base64.c
    ${CMAKE_CURRENT_LIST_DIR}/text/utf8.c
    ${CMAKE_CURRENT_LIST_DIR}/tls/allocator.c
    ${CMAKE_CURRENT_LIST_DIR}/tls/client_hello.c
    ${CMAKE_CURRENT_LIST_DIR}/tls/client_version.c
    ${CMAKE_CURRENT_LIST_DIR}/tls/credentials.c
    ${CMAKE_CURRENT_LIST_DIR}/tls/der_scan.c
    ${CMAKE_CURRENT_LIST_DIR}/tls/identity_files.c
    ${CMAKE_CURRENT_LIST_DIR}/tls/pem_scan.c
    ${CMAKE_CURRENT_LIST_DIR}/tls/records.c
    ${CMAKE_CURRENT_LIST_DIR}/tls/resumption.c
    ${CMAKE_CURRENT_LIST_DIR}/tls/session.c
    ${CMAKE_CURRENT_LIST_DIR}/tls/wrapup.c
    ${CMAKE_CURRENT_LIST_DIR}/ws/frame.c
    ${CMAKE_CURRENT_LIST_DIR}/ws/session.c
    ${ESPBENCH_HTTP_PARSER}/http_parser.c
)
# The modules include each other's headers as "webserver/server.h".
get_filename_component(modules ${CMAKE_CURRENT_LIST_DIR}/.. ABSOLUTE)
target_include_directories(usermod_webserver INTERFACE ${modules} ${ESPBENCH_HTTP_PARSER})
target_compile_definitions(usermod_webserver INTERFACE HTTP_PARSER_STRICT=1)
include(${modules}/../ports/esp32/servers/micropython.cmake)
target_link_libraries(usermod_webserver INTERFACE usermod_webserver_esp32)
target_link_libraries(usermod INTERFACE usermod_webserver)
