/* SPDX-License-Identifier: MIT */
/* Requests of the host that are answered below MicroPython, and those handed to it. */
#ifndef COMMON_CONTROL_H
#define COMMON_CONTROL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A request as it arrives: begin, its bytes, end. */
void control_begin(void);
void control_byte(int byte);
void control_end(void);

/* Writes {"id":id,"ok":true,"value":json}; NULL is null. */
void control_answer(uint32_t id, const char *json);

/* Writes {"id":id,"ok":false,"error":text}. */
void control_error(uint32_t id, const char *text);

/* Writes text as the inside of a JSON string into the record that is being written. */
void control_escaped(const char *text, size_t length);

/* {"event":"boot",...}: the first record after each start. */
void control_event_boot(void);

#endif
