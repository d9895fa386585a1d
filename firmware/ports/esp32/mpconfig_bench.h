/* SPDX-License-Identifier: MIT */
/* Settings shared by the bench's boards of MicroPython's esp32 port; included by their
 * mpconfigboard.h. */
#ifndef ESP32_MPCONFIG_BENCH_H
#define ESP32_MPCONFIG_BENCH_H

/* The emulator has no radio, and omitting the drivers frees memory. network.LAN and network.WLAN
 * are the bench's own, see modbench_board.c. */
#define MICROPY_PY_BLUETOOTH (0)
#define MICROPY_PY_ESPNOW (0)
#define MICROPY_PY_NETWORK_WLAN (0)
#define MICROPY_PY_NETWORK_LAN (0)
#define MICROPY_HW_ENABLE_MDNS_QUERIES (0)
#define MICROPY_HW_ENABLE_MDNS_RESPONDER (0)

/* The rest of the memory is for the network; see startup.c. */
#define MICROPY_GC_INITIAL_HEAP_SIZE (88 * 1024)
/* httpserver.start() checks a certificate's key pair on this stack. */
#define MICROPY_TASK_STACK_SIZE (20 * 1024)

/* The control channel hands programs to the scheduler. */
#define MICROPY_SCHEDULER_STATIC_NODES (1)

/* The port releases the GIL at every 32nd branch of a function, but restarts the count when the
 * function is entered. A generator that is resumed for each value, as in sum(f(i) for i in ...),
 * never gets there, and the network would wait until it ends. */
#define MICROPY_VM_HOOK_LOOP                                                                       \
    if (network_waits && MP_STATE_VM(sched_state) == MP_SCHED_IDLE) {                              \
        MP_THREAD_GIL_EXIT();                                                                      \
        MP_THREAD_GIL_ENTER();                                                                     \
    }
extern volatile _Bool network_waits; /* network_task.c */

void espbench_startup(void);
void espbench_port_init(void);
#define MICROPY_BOARD_STARTUP espbench_startup
#define MICROPY_PORT_INIT_FUNC espbench_port_init()

#endif
