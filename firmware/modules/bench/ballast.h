/* SPDX-License-Identifier: MIT */
/* Ballast: memory taken from the network heap on purpose, so that less is left. */
#ifndef ESPBENCH_BALLAST_H
#define ESPBENCH_BALLAST_H

#include <stddef.h>

/* Sets the ballast to `bytes` in total. Returns its actual size: less when the heap has no more, up
 * to one block header more when a block cannot be split. */
size_t ballast_set(size_t bytes);

size_t ballast_held(void);

#endif
