/* SPDX-License-Identifier: MIT */
/* MicroPython's panic handler feeds the watchdogs through a function that was renamed in ESP-IDF
 * v5.3.4, v5.4.2 and v5.5. MicroPython before v1.26 only uses the old name, and later releases
 * check version numbers but miss v5.3.4. Where ESP-IDF has the old name, its function is linked. */
#include <stddef.h>
#include <stdint.h>

#include "esp_attr.h"

void esp_panic_handler_feed_wdts(void) __attribute__((weak));
void esp_panic_handler_reconfigure_wdts(uint32_t timeout_ms) __attribute__((weak));

void IRAM_ATTR esp_panic_handler_reconfigure_wdts(uint32_t timeout_ms) {
    (void)timeout_ms;
    if (esp_panic_handler_feed_wdts != NULL) {
        esp_panic_handler_feed_wdts();
    }
}
