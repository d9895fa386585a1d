/* SPDX-License-Identifier: MIT */
/* Figures of the queues to MicroPython, as the statistics show them. Pure. */
#ifndef ESPBENCH_SERVER_QUEUES_H
#define ESPBENCH_SERVER_QUEUES_H

#include <stdint.h>

typedef struct {
    uint32_t depth, max, full;
} server_queue_figures_t;

server_queue_figures_t server_queue_figures(void);

#endif
