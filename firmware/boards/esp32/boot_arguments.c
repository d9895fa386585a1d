#include "boot_arguments.h"

#include "cmdline.h"
#include "esp_partition.h"

#define ERASED 0xff

void boot_arguments_read(void) {
    static char text[CMDLINE_BYTES]; /* the start-up task's stack is small */
    const esp_partition_t *partition =
        esp_partition_find_first(ESP_PARTITION_TYPE_DATA, ESP_PARTITION_SUBTYPE_ANY, "bootargs");
    if (partition == NULL || esp_partition_read(partition, 0, text, sizeof(text)) != ESP_OK) {
        return;
    }
    size_t length = 0;
    while (length < sizeof(text) && text[length] != '\0' && (uint8_t)text[length] != ERASED) {
        length++;
    }
    cmdline_set(text, length);
}
