/* SPDX-License-Identifier: MIT */
#include "report.h"

#include <stdlib.h>

#include "console.h"
#include "esp_heap_caps.h"
#include "freertos/FreeRTOS.h"
#include "freertos/task.h"

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

static const struct {
    const char *name;
    uint32_t caps;
} CAPABILITIES[] = {
    {"DEFAULT", MALLOC_CAP_DEFAULT}, {"INTERNAL", MALLOC_CAP_INTERNAL},
    {"8BIT", MALLOC_CAP_8BIT},       {"32BIT", MALLOC_CAP_32BIT},
    {"DMA", MALLOC_CAP_DMA},         {"SPIRAM", MALLOC_CAP_SPIRAM},
};

static const char *const STATES[] = {
    [eRunning] = "eRunning",     [eReady] = "eReady",     [eBlocked] = "eBlocked",
    [eSuspended] = "eSuspended", [eDeleted] = "eDeleted", [eInvalid] = "eInvalid",
};

static multi_heap_info_t s_heaps[LENGTH(CAPABILITIES)];
static TaskStatus_t s_tasks[32];

void report_heap(void) {
    for (size_t i = 0; i < LENGTH(CAPABILITIES); i++)
        heap_caps_get_info(&s_heaps[i], CAPABILITIES[i].caps);
    const char *separator = "";
    console_add("{\"heap\": {");
    for (size_t i = 0; i < LENGTH(CAPABILITIES); i++) {
        const multi_heap_info_t *heap = &s_heaps[i];
        if (heap->total_blocks == 0)
            continue;
        console_add("%s\"%s\": {", separator, CAPABILITIES[i].name);
        console_add("\"total_free_bytes\": %zu, ", heap->total_free_bytes);
        console_add("\"total_allocated_bytes\": %zu, ", heap->total_allocated_bytes);
        console_add("\"largest_free_block\": %zu, ", heap->largest_free_block);
        console_add("\"minimum_free_bytes\": %zu, ", heap->minimum_free_bytes);
        console_add("\"allocated_blocks\": %zu, ", heap->allocated_blocks);
        console_add("\"free_blocks\": %zu, ", heap->free_blocks);
        console_add("\"total_blocks\": %zu}", heap->total_blocks);
        separator = ", ";
    }
    console_add("}}");
}

/** Return the core that a task is pinned to, or -1. */
static int core_of(TaskHandle_t task) {
    BaseType_t core = xTaskGetCoreID(task);
    return core == tskNO_AFFINITY ? -1 : (int)core;
}

void report_tasks(void) {
    UBaseType_t count = uxTaskGetSystemState(s_tasks, LENGTH(s_tasks), NULL);
    if (count == 0)
        abort(); /* more tasks than s_tasks has room for */
    console_add("{\"tasks\": [");
    for (UBaseType_t i = 0; i < count; i++) {
        const TaskStatus_t *task = &s_tasks[i];
        size_t least = task->usStackHighWaterMark * sizeof(StackType_t);
        console_add("%s{\"name\": \"%s\", ", i == 0 ? "" : ", ", task->pcTaskName);
        console_add("\"state\": \"%s\", ", STATES[task->eCurrentState]);
        console_add("\"priority\": %u, ", (unsigned)task->uxCurrentPriority);
        console_add("\"stack_high_water_mark\": %zu, ", least);
        console_add("\"core\": %d}", core_of(task->xHandle));
    }
    console_add("]}");
}
