# SPDX-License-Identifier: MIT
# What httpserver, wsserver and webrepl share. HTTP_PARSER: the folder of http-parser 2.9.4. The port
# brings lwIP, Mbed TLS and what port.h asks for.
SRC_USERMOD_C += $(addprefix $(USERMOD_DIR)/,\
	exception.c \
	http/body_stream.c \
	http/framing.c \
	http/message.c \
	http/origin.c \
	http/origins_argument.c \
	http/request.c \
	http/response.c \
	http/ws_handshake.c \
	net/accept.c \
	net/connection.c \
	net/deferred_rst.c \
	net/listener.c \
	net/pending.c \
	queue.c \
	routes.c \
	server.c \
	stats.c \
	stream.c \
	text/base64.c \
	text/utf8.c \
	tls/allocator.c \
	tls/credentials.c \
	tls/pem_scan.c \
	tls/session.c \
	ws/frame.c \
	ws/session.c)
SRC_USERMOD_LIB_C += $(HTTP_PARSER)/http_parser.c

# One folder for all of these modules, whose headers are included as "webserver/server.h".
CFLAGS_USERMOD += -I$(patsubst %/,%,$(dir $(USERMOD_DIR))) -I$(HTTP_PARSER) -DHTTP_PARSER_STRICT=1
