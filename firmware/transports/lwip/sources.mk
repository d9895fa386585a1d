# SPDX-License-Identifier: MIT
# The lwip transport: our sources, http-parser and Mbed TLS. Included by a board's Makefile.
TRANSPORT_DIR := $(dir $(lastword $(MAKEFILE_LIST)))

SRC_MODULES_C += $(addprefix $(TRANSPORT_DIR),\
	transport_lwip.c \
	connection_io.c \
	connection_http.c \
	connection_stream.c \
	connection_ws.c \
	owed_reset.c \
	tls_session.c \
	tls_memory.c)

SRC_THIRDPARTY_C += $(HTTP_PARSER)/http_parser.c $(wildcard $(MBEDTLS)/library/*.c)

CFLAGS_MODULES += -I$(TRANSPORT_DIR) -I$(HTTP_PARSER) -I$(MBEDTLS)/include \
	-DMBEDTLS_CONFIG_FILE='"mbedtls_config.h"' -DHTTP_PARSER_STRICT=1
