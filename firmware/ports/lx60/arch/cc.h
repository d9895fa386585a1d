/* SPDX-License-Identifier: MIT */
/* lwIP's view of the compiler and the board. */
#ifndef LX60_ARCH_CC_H
#define LX60_ARCH_CC_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "panic.h"

uint32_t net_random(void);

#define LWIP_RAND() net_random()
#define LWIP_NO_CTYPE_H 1
#define LWIP_PLATFORM_DIAG(arguments)                                                              \
    do {                                                                                           \
        printf arguments;                                                                          \
    } while (0)
#define LWIP_PLATFORM_ASSERT(text)                                                                 \
    panic_message("assert failed: %s %s:%d (%s)", __func__, __FILE_NAME__, __LINE__, text)

#endif
