# SPDX-License-Identifier: MIT
WSSERVER_DIR := $(dir $(lastword $(MAKEFILE_LIST)))
SRC_MODULES_C += $(WSSERVER_DIR)modwsserver.c
