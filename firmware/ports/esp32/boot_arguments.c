/* SPDX-License-Identifier: MIT */
#include "boot_arguments.h"

#include <stdlib.h>

#include "cmdline.h"
#include "esp_partition.h"

#define ERASED 0xff

void boot_arguments_read(void) {
    char *text = malloc(CMDLINE_BYTES); /* the start-up task's stack is small */
    const esp_partition_t *partition =
        esp_partition_find_first(ESP_PARTITION_TYPE_DATA, ESP_PARTITION_SUBTYPE_ANY, "bootargs");
    if (text == NULL || partition == NULL ||
        esp_partition_read(partition, 0, text, CMDLINE_BYTES) != ESP_OK) {
        free(text);
        return;
    }
    size_t length = 0;
    while (length < CMDLINE_BYTES && text[length] != '\0' && (uint8_t)text[length] != ERASED) {
        length++;
    }
    cmdline_set(text, length);
    free(text);
}
