# SPDX-License-Identifier: MIT
# What httpserver, wsserver and webrepl share. Included by a board's Makefile.
SERVER_DIR := $(dir $(lastword $(MAKEFILE_LIST)))

SRC_MODULES_C += $(addprefix $(SERVER_DIR),\
	server.c \
	queue.c \
	route.c \
	stats.c \
	http_text.c \
	http_framing.c \
	origin.c \
	server_origins.c \
	server_exception.c \
	server_stream.c \
	ws_key.c \
	ws_frame.c \
	pem_scan.c \
	tls_identity.c)

CFLAGS_MODULES += -I$(SERVER_DIR) -I$(SERVER_DIR)../bench
