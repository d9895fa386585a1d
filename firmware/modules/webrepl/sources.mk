WEBREPL_DIR := $(dir $(lastword $(MAKEFILE_LIST)))
SRC_MODULES_C += $(addprefix $(WEBREPL_DIR),modwebrepl.c webrepl_output.c webrepl_line.c)
CFLAGS_MODULES += -I$(WEBREPL_DIR)
