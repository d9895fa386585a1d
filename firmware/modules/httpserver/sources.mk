# SPDX-License-Identifier: MIT
HTTPSERVER_DIR := $(dir $(lastword $(MAKEFILE_LIST)))
SRC_MODULES_C += $(addprefix $(HTTPSERVER_DIR),\
	modhttpserver.c http_handlers.c http_streams.c pem_file.c server_info.c)
CFLAGS_MODULES += -I$(HTTPSERVER_DIR)
