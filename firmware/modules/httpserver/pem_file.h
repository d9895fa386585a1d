/* SPDX-License-Identifier: MIT */
/* Reads a file with certificates or a key through MicroPython's file system. */
#ifndef ESPBENCH_PEM_FILE_H
#define ESPBENCH_PEM_FILE_H

#include <stdbool.h>
#include <stddef.h>

typedef struct {
    char *text; /* ends in a NUL, which `size` includes; NULL: none */
    size_t size;
} pem_file_t;

/* Reads into an empty `file`; call pem_file_free() on it even after a failure. False: a sentence is
 * in `error`. `what` is "certificate" or "key". Raises the exceptions of a file system in Python,
 * except for an OSError of open(). */
bool pem_file_read(pem_file_t *file, const char *what, const char *path, char *error,
                   size_t error_size);

/* Zeroizes and frees the text, and empties the file. */
void pem_file_free(pem_file_t *file);

#endif
