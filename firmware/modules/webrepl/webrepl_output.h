/*
 * What the REPL prints goes to the session, batched into text frames. The object is a stream for
 * MicroPython's dupterm, as in MicroPython's own WebREPL.
 */
#ifndef ESPBENCH_WEBREPL_OUTPUT_H
#define ESPBENCH_WEBREPL_OUTPUT_H

#include <stddef.h>

#include "transport.h"

/* Whom output goes to; 0: nobody. */
void webrepl_output_to(transport_client_t client);
void webrepl_output(const char *text, size_t length);
void webrepl_output_text(const char *text);

/* Sends what is batched. Waits for a slow client, but no longer than the send time-out. */
void webrepl_output_flush(void);

/* Copies the console's output to the session while a line runs. */
void webrepl_output_capture(bool on);

#endif
