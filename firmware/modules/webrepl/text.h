/* SPDX-License-Identifier: MIT */
/* Output cut into frames: a text frame holds whole characters only (RFC 6455 section 5.6). Pure. */
#ifndef ESPBENCH_WEBREPL_TEXT_H
#define ESPBENCH_WEBREPL_TEXT_H

#include <stddef.h>

/* The longest prefix that does not end inside a UTF-8 character. */
size_t webrepl_text_whole(const char *text, size_t length);

/* Puts '?' in the place of each byte that is not part of a UTF-8 character. */
void webrepl_text_repair(char *text, size_t length);

#endif
