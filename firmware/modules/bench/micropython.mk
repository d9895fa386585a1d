# SPDX-License-Identifier: MIT
SRC_USERMOD_C += $(addprefix $(USERMOD_DIR)/,\
	ballast.c \
	cycles.c \
	decimal.c \
	faults.c \
	json.c \
	modbench.c \
	panic.c)
