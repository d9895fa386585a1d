# SPDX-License-Identifier: MIT
WEBREPL_DIR := $(dir $(lastword $(MAKEFILE_LIST)))
SRC_MODULES_C += $(addprefix $(WEBREPL_DIR),\
	modwebrepl.c \
	webrepl_files.c \
	webrepl_login.c \
	webrepl_repl.c \
	webrepl_request.c \
	webrepl_session.c \
	webrepl_terminal.c \
	webrepl_text.c)
CFLAGS_MODULES += -I$(WEBREPL_DIR)
