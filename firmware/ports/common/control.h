/* SPDX-License-Identifier: MIT */
/* Control requests from the host: some are answered below MicroPython, the others passed to it. */
#ifndef COMMON_CONTROL_H
#define COMMON_CONTROL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Take a request as it arrives: begin, its bytes, end. */
void control_begin(void);
void control_byte(int byte);
void control_end(void);

/* Writes {"id":id,"ok":true,"value":json}; NULL means null. */
void control_answer(uint32_t id, const char *json);

/* Writes {"id":id,"ok":false,"error":text}. */
void control_error(uint32_t id, const char *text);

/* Writes text, escaped for a JSON string, to the current record. */
void control_escaped(const char *text, size_t length);

/* Writes {"event":"boot",...}, the first record after each start. */
void control_event_boot(void);

#endif
