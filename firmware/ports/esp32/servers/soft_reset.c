/* SPDX-License-Identifier: MIT */
/* Steps of MicroPython's soft reset, where its esp32 port has no hook: the linker redirects the
 * port's calls here (--wrap). The network task starts again when a module is imported. */
#include "network_task.h"
#include "webserver/server.h"

/* The first step, while MicroPython is still intact. */
void __real_machine_timer_deinit_all(void);
void __wrap_machine_timer_deinit_all(void);
void __wrap_machine_timer_deinit_all(void) {
    if (network_task_started()) {
        network_task_hold();
        server_soft_reset();
    }
    __real_machine_timer_deinit_all();
}

/* The last step, which releases the GIL; the next start recreates it. */
void __real_mp_deinit(void);
void __wrap_mp_deinit(void);
void __wrap_mp_deinit(void) {
    __real_mp_deinit();
    if (network_task_started()) {
        network_task_wait();
    }
}
