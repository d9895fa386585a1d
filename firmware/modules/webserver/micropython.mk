# SPDX-License-Identifier: MIT
# Code shared by httpserver, wsserver and webrepl. HTTP_PARSER: the folder of http-parser 2.9.4. The
# port provides lwIP, Mbed TLS and the functions of port.h.
SRC_USERMOD_C += $(addprefix $(USERMOD_DIR)/,\
	exception.c \
	http/authority.c \
	http/body_stream.c \
	http/framing.c \
	http/message.c \
	http/origin.c \
	http/origins_argument.c \
	http/request.c \
	http/response.c \
	http/target.c \
	http/ws_handshake.c \
	log_limit.c \
	net/accept.c \
	net/closed.c \
	net/connection.c \
	net/deferred_rst.c \
	net/listener.c \
	net/pace.c \
	net/pending.c \
	net/places.c \
	queue.c \
	routes.c \
	server.c \
	stats.c \
	stream.c \
	text/base64.c \
	text/utf8.c \
	tls/allocator.c \
	tls/client_hello.c \
	tls/client_version.c \
	tls/credentials.c \
	tls/der_scan.c \
	tls/identity_files.c \
	tls/pem_scan.c \
	tls/records.c \
	tls/resumption.c \
	tls/session.c \
	tls/wrapup.c \
	ws/frame.c \
	ws/session.c)
SRC_USERMOD_LIB_C += $(HTTP_PARSER)/http_parser.c

# One include folder for all of these modules, for includes such as "webserver/server.h".
CFLAGS_USERMOD += -I$(patsubst %/,%,$(dir $(USERMOD_DIR))) -I$(HTTP_PARSER) -DHTTP_PARSER_STRICT=1
