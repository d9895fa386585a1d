/* SPDX-License-Identifier: MIT */
/* Reads a PEM file through MicroPython's file system into the network heap. */
#ifndef ESPBENCH_PEM_FILE_H
#define ESPBENCH_PEM_FILE_H

#include <stdbool.h>
#include <stddef.h>

typedef struct {
    char *text; /* with a NUL behind it, which `size` counts; NULL: none */
    size_t size;
} pem_file_t;

/* Reads into an empty file, to be given to pem_file_free() whatever comes of it; false with a
 * sentence in error. `what` names it: "certificate" or "key". Raises what a file system in Python
 * raises, unless it is an OSError of opening. */
bool pem_file_read(pem_file_t *file, const char *what, const char *path, char *error,
                   size_t error_size);

/* Zeroizes and frees; the file is empty then. */
void pem_file_free(pem_file_t *file);

#endif
