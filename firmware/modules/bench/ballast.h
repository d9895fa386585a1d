/* SPDX-License-Identifier: MIT */
/* Memory taken on purpose from the network heap, so that less of it is left. */
#ifndef ESPBENCH_BALLAST_H
#define ESPBENCH_BALLAST_H

#include <stddef.h>

/* Makes the ballast `bytes` in total and returns what it really holds, which is less when the
 * heap has no more and up to a block header's worth more when it cannot be cut finer. */
size_t ballast_set(size_t bytes);

size_t ballast_held(void);

#endif
