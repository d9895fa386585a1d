/* SPDX-License-Identifier: MIT */
/* MicroPython's panic handler gives the watchdogs time by a function that ESP-IDF v5.3.4, v5.4.2
 * and v5.5 have under another name; releases before v1.26 know the old one alone, later ones go by
 * version numbers that leave v5.3.4 out. Where ESP-IDF has the old one, that is linked. */
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
