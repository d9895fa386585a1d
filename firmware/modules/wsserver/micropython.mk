# SPDX-License-Identifier: MIT
SRC_USERMOD_C += $(USERMOD_DIR)/modwsserver.c
