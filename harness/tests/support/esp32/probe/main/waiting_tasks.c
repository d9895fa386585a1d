/* SPDX-License-Identifier: MIT */
#include "waiting_tasks.h"

#include <assert.h>

#include "freertos/FreeRTOS.h"
#include "freertos/queue.h"
#include "freertos/task.h"

#define AN_HOUR pdMS_TO_TICKS(60 * 60 * 1000)
#define LAST_CORE (portNUM_PROCESSORS - 1)

static void suspend(void *argument) {
    for (;;)
        vTaskSuspend(NULL);
}

static void delay(void *argument) {
    for (;;)
        vTaskDelay(AN_HOUR);
}

static void receive(void *queue) {
    int item;
    for (;;)
        xQueueReceive(queue, &item, portMAX_DELAY);
}

static void start(TaskFunction_t function, const char *name, uint32_t stack, void *argument,
                  UBaseType_t priority, BaseType_t core) {
    BaseType_t created =
        xTaskCreatePinnedToCore(function, name, stack, argument, priority, NULL, core);
    assert(created == pdPASS);
    (void)created;
}

void waiting_tasks_start(void) {
    QueueHandle_t queue = xQueueCreate(1, sizeof(int));
    assert(queue != NULL);
    start(suspend, "suspended", 2048, NULL, 3, 0);
    start(delay, "delayed", 3072, NULL, 5, tskNO_AFFINITY);
    start(receive, "queued", 4096, queue, 7, LAST_CORE);
}
