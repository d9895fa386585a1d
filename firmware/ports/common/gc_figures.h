/* SPDX-License-Identifier: MIT */
/* Figures of MicroPython's heap, for the control channel. */
#ifndef COMMON_GC_FIGURES_H
#define COMMON_GC_FIGURES_H

#include <stdbool.h>

/* Sets whether MicroPython has a heap now. */
void gc_figures_ready(bool ready);

#endif
