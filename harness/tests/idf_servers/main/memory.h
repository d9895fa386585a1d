/* SPDX-License-Identifier: MIT */
#pragma once

#include <stddef.h>

void memory_start(void);

size_t memory_free(void);

/* Takes memory until no more than so many bytes are free, and gives it back after so long: whoever
 * asked may have no memory left to ask with. */
void memory_leave(size_t bytes, unsigned ms);
