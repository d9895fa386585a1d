/* SPDX-License-Identifier: MIT */
#include "retained.h"

#include <stdbool.h>

#include "esp_system.h"

static bool soft;

void retained_soft_reset(void) { soft = true; }

const char *retained_cause_name(void) {
    if (soft) {
        return "soft";
    }
    switch (esp_reset_reason()) {
    case ESP_RST_POWERON:
        return "power_on";
    case ESP_RST_PANIC:
    case ESP_RST_INT_WDT:
    case ESP_RST_TASK_WDT:
    case ESP_RST_WDT:
        return "panic";
    default:
        return "hard_reset";
    }
}

void board_reset(reset_cause_t cause) {
    (void)cause;
    esp_restart();
}
