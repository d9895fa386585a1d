/* SPDX-License-Identifier: MIT */
/* The network task: the network context of transport.h. */
#include "network_task.h"

#include "esp_netif.h"
#include "freertos/FreeRTOS.h"
#include "freertos/idf_additions.h"
#include "freertos/semphr.h"
#include "freertos/task.h"
#include "lwip/tcpip.h"
#include "lwip_lock.h"
#include "py/mphal.h"
#include "py/mpstate.h"
#include "py/mpthread.h"
#include "webserver/poll.h"
#include "webserver/port.h"
#include "webserver/server.h"

#define STACK_BYTES (10 * 1024) /* enough for a handshake: the user guide's 10 kB */
#define PRIORITY 5              /* like ESP-IDF's httpd task; MicroPython has 1 */

static TaskHandle_t task;
volatile bool network_waits; /* for the GIL; a board's MICROPY_VM_HOOK_LOOP may check it */
static volatile bool held = true;
static SemaphoreHandle_t out; /* given by the task when it has seen `held` */

network_scope_t network_scope_begin(void) {
    if (lwip_lock_held()) {
        return (network_scope_t){.taken = false};
    }
    lwip_lock_take();
    return (network_scope_t){.taken = true};
}

void network_scope_end(const network_scope_t *scope) {
    if (scope->taken) {
        lwip_lock_give();
        network_wake(); /* MicroPython's thread may have queued output */
    }
}

void network_pause(void) { lwip_lock_give(); }

void network_resume(void) { lwip_lock_take(); }

const void *network_thread(void) { return xTaskGetCurrentTaskHandle(); }

static void look_again(void *unused) { (void)unused; }

void network_timers_set(void) { tcpip_try_callback(look_again, NULL); }

/* ---- the task ---- */

void network_wake(void) {
    if (task != NULL && xTaskGetCurrentTaskHandle() != task) {
        xTaskNotifyGive(task);
    }
}

static TickType_t ticks(uint64_t us) {
    uint64_t n = (us + portTICK_PERIOD_MS * 1000 - 1) / (portTICK_PERIOD_MS * 1000);
    return n < portMAX_DELAY ? (TickType_t)n : portMAX_DELAY - 1;
}

/* Serves the connections once; returns the time until there is more work, in microseconds. */
static uint32_t serve(void) {
    uint32_t wait = 0;
    network_waits = true;
    MP_THREAD_GIL_ENTER();
    network_waits = false;
    if (!held) {
        transport_poll();
        wait = transport_wait_us();
        /* wake it to handle a request or Ctrl-C */
        if (server_pending() || MP_STATE_MAIN_THREAD(mp_pending_exception) != MP_OBJ_NULL) {
            mp_hal_wake_main_task();
        }
    }
    MP_THREAD_GIL_EXIT();
    return wait;
}

static void run(void *unused) {
    (void)unused;
    for (;;) {
        if (held) {
            xSemaphoreGive(out);
            ulTaskNotifyTake(pdTRUE, portMAX_DELAY);
            continue;
        }
        uint32_t wait = serve();
        if (wait > 0) {
            ulTaskNotifyTake(pdTRUE, ticks(wait));
        }
    }
}

bool network_task_start(void) {
    if (task) {
        return true;
    }
    out = out ? out : xSemaphoreCreateBinary();
    return esp_netif_init() == ESP_OK && lwip_lock_init() && out &&
           xTaskCreatePinnedToCore(run, "webserver", STACK_BYTES, NULL, PRIORITY, &task,
                                   MP_TASK_COREID) == pdPASS;
}

bool network_task_started(void) { return task != NULL; }

bool network_start(void) {
    bool started = network_task_start();
    if (started) {
        network_task_release();
    }
    return started;
}

void network_task_hold(void) {
    xSemaphoreTake(out, 0);
    held = true;
    xTaskNotifyGive(task);
}

void network_task_wait(void) { xSemaphoreTake(out, portMAX_DELAY); }

void network_task_release(void) {
    held = false;
    xTaskNotifyGive(task);
}

unsigned network_task_stack_low_water(void) {
    return task != NULL ? uxTaskGetStackHighWaterMark(task) : 0;
}

/* ---- waits of MicroPython's thread ---- */

void board_wait_event(uint32_t us) {
    network_wake();
    MP_THREAD_GIL_EXIT(); /* the network task is waiting for this */
    if (us > 0) {
        ulTaskNotifyTake(pdTRUE, ticks(us));
    }
    MP_THREAD_GIL_ENTER();
}
