/* SPDX-License-Identifier: MIT */
/* Clearing secrets. */
#ifndef ESPBENCH_WEBSERVER_ZEROIZE_H
#define ESPBENCH_WEBSERVER_ZEROIZE_H

#include <string.h>

/* Clears a secret. A compiler may omit a memset() of memory that is not read again (CWE-14), so the
 * empty statement claims to read it. Needs no Mbed TLS, unlike mbedtls_platform_zeroize(). */
static inline void zeroize(void *secret, size_t size) {
    memset(secret, 0, size);
    __asm__ volatile("" : : "r"(secret) : "memory");
}

#endif
