/* Reads a PEM file through MicroPython's file system into the network heap. */
#ifndef ESPBENCH_PEM_FILE_H
#define ESPBENCH_PEM_FILE_H

#include <stddef.h>

/* The file's text with a NUL behind it (size counts the NUL), to be given to pem_file_free(); or
 * NULL with a sentence in error. `what` names it: "certificate" or "key". */
char *pem_file_read(const char *what, const char *path, size_t *size, char *error,
                    size_t error_size);

/* Zeroizes and frees. */
void pem_file_free(char *text, size_t size);

#endif
