/* SPDX-License-Identifier: MIT */
/* The functions of webserver/port.h that use the chip and ESP-IDF. */
#include <stdio.h>

#include "esp_random.h"
#include "esp_timer.h"
#include "mbedtls/platform.h"
#include "webserver/port.h"
#include "webserver/tls/allocator.h"

uint64_t board_us(void) { return (uint64_t)esp_timer_get_time(); }

int board_entropy(unsigned char *out, size_t length) {
    esp_fill_random(out, length);
    return 0;
}

/* Uses the C library, which turns '\n' into CR LF. A board may override it. */
__attribute__((weak)) void board_console_write(const char *text, size_t length) {
    fwrite(text, 1, length, stdout);
    fflush(stdout);
}

/* Before Mbed TLS is first used, as one allocator must not free the other's blocks. */
static void __attribute__((constructor)) set_allocator(void) {
    mbedtls_platform_set_calloc_free(tls_calloc, tls_release);
}
