/* SPDX-License-Identifier: MIT */
#include "gc_figures.h"

#include "bench/port.h"
#include "py/gc.h"

static bool gc_ready;

void gc_figures_ready(bool ready) { gc_ready = ready; }

bench_gc_figures_t bench_gc_figures(void) {
    bench_gc_figures_t figures = {0, 0};
    if (gc_ready) {
        gc_info_t info;
        gc_info(&info);
        figures.size = info.total;
        figures.free = info.free;
    }
    return figures;
}
