/* SPDX-License-Identifier: MIT */
/* The functions of webserver/port.h that use the chip and ESP-IDF. */
#include <stdio.h>
#include <time.h>

#include "esp_random.h"
#include "esp_timer.h"
#include "mbedtls/platform.h"
#include "py/mpconfig.h"
#include "webserver/port.h"
#include "webserver/tls/allocator.h"

uint64_t board_us(void) { return (uint64_t)esp_timer_get_time(); }

/* MicroPython has the system's clock count from its own epoch, 2000, which is also what it sets it
 * to in a boot after which nobody has set it. ESP-IDF's SNTP counts from 1970. */
#if MICROPY_EPOCH_IS_1970
#define EPOCH 0
#else
#define EPOCH 946684800 /* 2000-01-01 */
#endif
#define CLOCK_IS_SET 1704067200 /* 2024-01-01 */

uint32_t board_clock(void) {
    int64_t now = (int64_t)time(NULL);
    if (now < CLOCK_IS_SET) {
        now += EPOCH;
    }
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
