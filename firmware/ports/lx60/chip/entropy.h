/* SPDX-License-Identifier: MIT */
/* The seed of the port's random numbers. */
#ifndef LX60_CHIP_ENTROPY_H
#define LX60_CHIP_ENTROPY_H

#include <stdbool.h>

/* Seeds the generator behind board_entropy() from seed= and the number of starts since power-on.
 * False when there is no usable seed=. */
bool entropy_init(void);

#endif
