/* SPDX-License-Identifier: MIT */
/* Figures of the queues to MicroPython, for the statistics. Pure. */
#ifndef ESPBENCH_WEBSERVER_QUEUE_FIGURES_H
#define ESPBENCH_WEBSERVER_QUEUE_FIGURES_H

#include <stdint.h>

typedef struct {
    uint32_t depth, max, full;
} server_queue_figures_t;

server_queue_figures_t server_queue_figures(void);

#endif
