# SPDX-License-Identifier: MIT
SRC_USERMOD_C += $(addprefix $(USERMOD_DIR)/,\
	auth.c \
	files.c \
	modwebrepl.c \
	repl.c \
	request.c \
	session.c \
	terminal.c)
