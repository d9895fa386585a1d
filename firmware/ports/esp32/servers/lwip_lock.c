/* SPDX-License-Identifier: MIT */
#include "lwip_lock.h"

#include "freertos/FreeRTOS.h"
#include "freertos/semphr.h"
#include "freertos/task.h"
#include "lwip/opt.h"
#include "lwip/tcpip.h"

#if LWIP_TCPIP_CORE_LOCKING

bool lwip_lock_init(void) { return true; }

bool lwip_lock_held(void) {
    return xSemaphoreGetMutexHolder(lock_tcpip_core) == xTaskGetCurrentTaskHandle();
}

void lwip_lock_take(void) { LOCK_TCPIP_CORE(); }

void lwip_lock_give(void) { UNLOCK_TCPIP_CORE(); }

#else

/* Without CONFIG_LWIP_TCPIP_CORE_LOCKING, which MicroPython's boards do not set, only lwIP's thread
 * may call lwIP. So taking the lock makes that thread wait in a callback until the lock is
 * released. This costs two task switches. */

static SemaphoreHandle_t mutex, stopped, go_on;
static struct tcpip_callback_msg *stop; /* allocated once: taking the lock cannot fail */
static TaskHandle_t lwip_thread;

static void wait_for_holder(void *unused) {
    (void)unused;
    lwip_thread = xTaskGetCurrentTaskHandle();
    xSemaphoreGive(stopped);
    xSemaphoreTake(go_on, portMAX_DELAY);
}

bool lwip_lock_init(void) {
    mutex = mutex ? mutex : xSemaphoreCreateMutex();
    stopped = stopped ? stopped : xSemaphoreCreateBinary();
    go_on = go_on ? go_on : xSemaphoreCreateBinary();
    stop = stop ? stop : tcpip_callbackmsg_new(wait_for_holder, NULL);
    if (!mutex || !stopped || !go_on || !stop) {
        return false;
    }
    lwip_lock_take(); /* sets lwip_thread */
    lwip_lock_give();
    return true;
}

bool lwip_lock_held(void) {
    TaskHandle_t self = xTaskGetCurrentTaskHandle();
    return self == lwip_thread || xSemaphoreGetMutexHolder(mutex) == self;
}

void lwip_lock_take(void) {
    xSemaphoreTake(mutex, portMAX_DELAY);
    while (tcpip_callbackmsg_trycallback(stop) != ERR_OK) {
        vTaskDelay(1); /* its mailbox is full */
    }
    xSemaphoreTake(stopped, portMAX_DELAY);
}

void lwip_lock_give(void) {
    xSemaphoreGive(go_on);
    xSemaphoreGive(mutex);
}

#endif
