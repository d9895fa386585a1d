/* SPDX-License-Identifier: MIT */
/* The functions of webserver/port.h that use the chip and ESP-IDF. */
#include <stdio.h>
#include <time.h>

#include "esp_random.h"
#include "esp_timer.h"
#include "mbedtls/platform.h"
#include "webserver/port.h"
#include "webserver/tls/allocator.h"

uint64_t board_us(void) { return (uint64_t)esp_timer_get_time(); }

/* MicroPython sets it to the year 2000 in a boot after which nobody has set it. */
#define CLOCK_IS_SET 1704067200 /* 2024-01-01 */

uint32_t board_clock(void) {
    time_t now = time(NULL);
    return now >= CLOCK_IS_SET && now <= UINT32_MAX ? (uint32_t)now : 0;
}

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
