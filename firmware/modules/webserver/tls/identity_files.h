/* SPDX-License-Identifier: MIT */
/* Parses the files with a server's certificates and its key: PEM, or DER. */
#ifndef ESPBENCH_WEBSERVER_TLS_IDENTITY_FILES_H
#define ESPBENCH_WEBSERVER_TLS_IDENTITY_FILES_H

#include <stdbool.h>
#include <stddef.h>

#include "mbedtls/pk.h"
#include "mbedtls/x509_crt.h"

/* The largest accepted file, in bytes. */
#define TLS_FILE_MAX 16384

/* The contents of a file. A NUL follows them, which `length` does not count. */
typedef struct {
    char *data;
    size_t length;
    const char *name;
} tls_file_t;

/* Each returns whether the file can be served, or false with one sentence in error that says what
 * the file is and how to convert it. PEM is changed in place: see pem_normalize(). */
bool tls_parse_chain(mbedtls_x509_crt *chain, const tls_file_t *file, char *error, size_t size);
bool tls_parse_key(mbedtls_pk_context *key, const tls_file_t *file, char *error, size_t size);

void tls_format_no_memory(char *error, size_t size);

#endif
