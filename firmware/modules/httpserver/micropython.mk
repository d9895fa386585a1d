# SPDX-License-Identifier: MIT
SRC_USERMOD_C += $(addprefix $(USERMOD_DIR)/,\
	body_streams.c \
	handlers.c \
	info.c \
	modhttpserver.c \
	pem_file.c)
