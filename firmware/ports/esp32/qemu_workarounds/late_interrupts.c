/* SPDX-License-Identifier: MIT */
/* Workarounds for three faults of the emulated ESP32-C3, seen in a derivative of Espressif's QEMU
 * 8.1.3. First, a pending interrupt is taken although a critical section has raised the interrupt
 * threshold in the meantime; a task switch then leaves the wrong threshold for both tasks. Second,
 * an interrupt raised while another is pending stays pending until the threshold changes, as `mret`
 * does not check for it. So entering a critical section verifies the threshold, and the two places
 * that would wait forever lower it. Third (the cause is an assumption), an interrupt that a device
 * raises just as the CPU enables interrupts in mstatus (at the start of each handler) may be lost:
 * its line stays high, and the emulated matrix only detects changes. When this happened to the
 * tick, the CPU slept forever, and not even a machine reset helped. Re-enabling a line makes the
 * matrix check it, so all lines are re-enabled before the CPU sleeps, and periodically when it does
 * not because a program is polling. A real chip has none of these faults. */
#if defined(__riscv) && !defined(WITHOUT_LATE_INTERRUPTS)

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

/* Outside of critical sections, a task runs with a low threshold. */
static bool IRAM_ATTR should_be_low(void) {
    return port_xSchedulerRunning[0] && port_uxCriticalNesting[0] == 0 && !xPortInIsrContext();
}

/* Interrupts are off meanwhile, as a handler may switch to a task that enables another line. */
static void IRAM_ATTR look_at_lines(void) {
    unsigned before = RV_CLEAR_CSR(mstatus, MSTATUS_MIE);
    uint32_t enabled = esp_cpu_intr_get_enabled_mask();
    esp_cpu_intr_disable(enabled);
    esp_cpu_intr_enable(enabled);
    RV_SET_CSR(mstatus, before & MSTATUS_MIE);
}

#define LOOK_EVERY 128 /* critical sections, which a polling program enters for the GIL */

/* Like the original, but sets the threshold until a read shows that the previous write took
 * effect. */
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
    portDISABLE_INTERRUPTS(); /* causes a change even if it was low */
    portENABLE_INTERRUPTS();
}

/* The original only waits for its own interrupt. */
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

#define LINES_AT_ONCE 4 /* that may be pending: tick, yield, UART, Ethernet */

/* Runs before the CPU sleeps; the tick wakes it, and this runs again. */
static bool on_idle(void) {
    look_at_lines();
    for (int i = 0; i < LINES_AT_ONCE; i++) {
        lower_threshold();
    }
    return true;
}

/* Not in startup.c, as the ESP32 does not need it. */
static void __attribute__((constructor)) watch_idle(void) {
    esp_register_freertos_idle_hook_for_cpu(on_idle, 0);
}

#endif
