/* SPDX-License-Identifier: MIT */
/*
 * Scans a PEM file before it is parsed, for precise error messages (RFC 7468; RFC 1421 section 4.6
 * for encrypted keys). Pure: no lwIP, no MicroPython, no Mbed TLS.
 */
#ifndef ESPBENCH_WEBSERVER_TLS_PEM_SCAN_H
#define ESPBENCH_WEBSERVER_TLS_PEM_SCAN_H

#include <stdbool.h>

typedef struct {
    bool pem; /* has a "-----BEGIN " line */
    unsigned certificates, private_keys;
    bool encrypted; /* a private key is encrypted */
} pem_scan_t;

pem_scan_t pem_scan(const char *text);

/* The next BEGIN line of a certificate in `text`, or NULL. */
const char *pem_next_certificate(const char *text);

#endif
