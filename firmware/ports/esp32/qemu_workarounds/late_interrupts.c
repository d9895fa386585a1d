/* SPDX-License-Identifier: MIT */
/* Three faults of the emulated ESP32-C3, seen in a derivative of Espressif's QEMU 8.1.3. An
 * interrupt on its way to the CPU is taken although a critical section has raised the interrupt
 * threshold since; a switch of tasks then leaves the threshold wrong for both tasks. And one that
 * comes while another is on its way stays pending until the threshold changes, as `mret` does not
 * look for it. So entering a critical section makes sure of the threshold, and the two places that
 * would wait for ever lower it. The third (its cause is presumed): an interrupt that a device
 * raises in the moment in which the CPU enables interrupts in mstatus (at the beginning of each
 * handler) may be lost. Its line stays high, and the emulated matrix looks at changes only: when it
 * was the tick's, the CPU slept for good, and not even a reset of the machine helped. A line that
 * is enabled anew is looked at, so that is done to all of them before the CPU sleeps, and now and
 * then where it never does, because a program waits for something in a loop. A real chip has none
 * of the three. */
#ifdef __riscv

#include <stdbool.h>

#include "esp_attr.h"
#include "esp_cpu.h"
#include "esp_freertos_hooks.h"
#include "esp_private/crosscore_int.h"
#include "freertos/FreeRTOS.h"
#include "hal/crosscore_int_ll.h"
#include "riscv/csr.h"

extern volatile UBaseType_t port_xSchedulerRunning[];
extern volatile UBaseType_t port_uxCriticalNesting[];
extern volatile UBaseType_t port_uxOldInterruptState[];

/* Outside of critical sections a task runs with the threshold low. */
static bool IRAM_ATTR should_be_low(void) {
    return port_xSchedulerRunning[0] && port_uxCriticalNesting[0] == 0 && !xPortInIsrContext();
}

/* Interrupts are off meanwhile, as a handler may let a task run that enables a line of its own. */
static void IRAM_ATTR look_at_lines(void) {
    unsigned before = RV_CLEAR_CSR(mstatus, MSTATUS_MIE);
    uint32_t enabled = esp_cpu_intr_get_enabled_mask();
    esp_cpu_intr_disable(enabled);
    esp_cpu_intr_enable(enabled);
    RV_SET_CSR(mstatus, before & MSTATUS_MIE);
}

#define LOOK_EVERY 128 /* critical sections: the program's loop enters some for the GIL */

/* As the original, but sure of the threshold: the loop's last turn finds the one before at work. */
void __wrap_vPortEnterCritical(void);
void IRAM_ATTR __wrap_vPortEnterCritical(void) {
    static unsigned entered;
    if (should_be_low() && ++entered % LOOK_EVERY == 0) {
        look_at_lines();
    }
    UBaseType_t before = portSET_INTERRUPT_MASK_FROM_ISR();
    while (portSET_INTERRUPT_MASK_FROM_ISR() != RVHAL_EXCM_LEVEL) {
    }
    if (should_be_low()) {
        before = RVHAL_INTR_ENABLE_THRESH;
    }
    port_uxCriticalNesting[0]++;
    if (port_uxCriticalNesting[0] == 1) {
        port_uxOldInterruptState[0] = before;
    }
}

static void IRAM_ATTR lower_threshold(void) {
    portDISABLE_INTERRUPTS(); /* a change, too, if it was low */
    portENABLE_INTERRUPTS();
}

/* The original waits for its own interrupt and does nothing else. */
void __real_vPortYield(void);
void __wrap_vPortYield(void);
void IRAM_ATTR __wrap_vPortYield(void) {
    if (xPortInIsrContext()) {
        __real_vPortYield();
        return;
    }
    esp_crosscore_int_send_yield(0);
    while (should_be_low() && crosscore_int_ll_get_state(0) != 0) {
        lower_threshold();
    }
}

#define LINES_AT_ONCE 4 /* that may wait: tick, yield, UART, Ethernet */

/* Before the CPU sleeps until the next interrupt: the tick's wakes it, and then this runs again. */
static bool on_idle(void) {
    look_at_lines();
    for (int i = 0; i < LINES_AT_ONCE; i++) {
        lower_threshold();
    }
    return true;
}

/* Not in startup.c, as the ESP32 needs nothing of this. */
static void __attribute__((constructor)) watch_idle(void) {
    esp_register_freertos_idle_hook_for_cpu(on_idle, 0);
}

#endif
