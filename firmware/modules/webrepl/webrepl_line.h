/*
 * The line that a WebREPL client types, and the compare of its password. Pure: no MicroPython.
 */
#ifndef ESPBENCH_WEBREPL_LINE_H
#define ESPBENCH_WEBREPL_LINE_H

#include <stdbool.h>
#include <stddef.h>

#define WEBREPL_LINE_MAX 512

typedef struct {
    char text[WEBREPL_LINE_MAX + 1];
    size_t length;
    bool after_cr; /* a LF now belongs to the CR before it */
} webrepl_line_t;

typedef enum {
    LINE_MORE,   /* the character is in the line: echo it */
    LINE_ERASED, /* the last character is gone */
    LINE_IGNORED,
    LINE_ENTER,     /* the line is complete */
    LINE_INTERRUPT, /* Ctrl-C: the line is dropped */
} line_event_t;

line_event_t webrepl_line_feed(webrepl_line_t *line, char c);
void webrepl_line_clear(webrepl_line_t *line);

/* Compares in a time that depends on the length of what was typed only. */
bool webrepl_password_equal(const char *typed, size_t typed_length, const char *password);

/* The longest prefix that does not end inside a UTF-8 character. */
size_t webrepl_utf8_whole(const char *text, size_t length);

#endif
