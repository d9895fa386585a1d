/* SPDX-License-Identifier: MIT */
#include "commands.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "console.h"
#include "esp_system.h"
#include "freertos/FreeRTOS.h"
#include "report.h"

static void *s_held;

/** Free the block that is held, and hold a new one of `argument` bytes. */
static void hold(const char *argument) {
    char *end;
    errno = 0;
    unsigned long size = strtoul(argument, &end, 10);
    if (*argument < '0' || *argument > '9' || *end != '\0' || errno != 0) {
        console_add("{\"error\": \"alloc needs a number of bytes\"}");
        return;
    }
    free(s_held);
    s_held = malloc(size);
    console_add("{\"held\": %lu}", s_held == NULL ? 0 : size);
}

static void release(void) {
    free(s_held);
    s_held = NULL;
    console_add("{\"held\": 0}");
}

static void hang(void) {
    portDISABLE_INTERRUPTS();
    for (;;) {
    }
}

static void answer(const char *line) {
    console_begin();
    if (strcmp(line, "heap") == 0)
        report_heap();
    else if (strcmp(line, "tasks") == 0)
        report_tasks();
    else if (strncmp(line, "alloc ", 6) == 0)
        hold(line + 6);
    else if (strcmp(line, "free") == 0)
        release();
    else if (strcmp(line, "panic") == 0)
        abort();
    else if (strcmp(line, "restart") == 0)
        esp_restart();
    else if (strcmp(line, "hang") == 0)
        hang();
    else
        console_add("{\"error\": \"unknown command\"}");
    console_end();
}

void commands_run(void) {
    static char line[64];
    /* Make the C library allocate, and this task use its whole stack depth, before the first
     * report. */
    console_begin();
    report_heap();
    report_tasks();
    console_begin();
    console_add("{\"ready\": true}");
    console_end();
    for (;;)
        answer(console_read_line(line, sizeof(line)) ? line : "");
}
