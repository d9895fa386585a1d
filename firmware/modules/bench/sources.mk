# SPDX-License-Identifier: MIT
# Module bench. Included by a board's Makefile.
BENCH_DIR := $(dir $(lastword $(MAKEFILE_LIST)))
SRC_MODULES_C += $(addprefix $(BENCH_DIR),\
	alloc_faults.c ballast.c bench_json.c bench_panic.c bench_work.c decimal.c modbench.c)
