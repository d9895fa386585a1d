/* SPDX-License-Identifier: MIT */
/** Firmware that reports its own heap and tasks on UART0, and listens on three ports. */
#include "commands.h"
#include "console.h"
#include "network.h"
#include "servers.h"
#include "waiting_tasks.h"

void app_main(void) {
    console_start();
    waiting_tasks_start();
    network_start();
    servers_start();
    commands_run();
}
