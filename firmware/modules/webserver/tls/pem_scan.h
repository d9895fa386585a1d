/* SPDX-License-Identifier: MIT */
/*
 * Scans a PEM file before it is parsed, for precise error messages (RFC 7468; RFC 1421 section 4.6
 * for encrypted keys). Pure: no lwIP, no MicroPython, no Mbed TLS.
 */
#ifndef ESPBENCH_WEBSERVER_TLS_PEM_SCAN_H
#define ESPBENCH_WEBSERVER_TLS_PEM_SCAN_H

#include <stdbool.h>
#include <stddef.h>

typedef struct {
    bool pem; /* has a "-----BEGIN " line */
    unsigned certificates, private_keys;
    bool encrypted; /* a private key is encrypted */
    bool openssh;   /* a private key has OpenSSH's own format */
    bool request;   /* has a certificate request */
    bool pkcs7;     /* has certificates in PKCS#7 (RFC 2315) */
} pem_scan_t;

pem_scan_t pem_scan(const char *text);

/* The next BEGIN line of a certificate in `text`, or NULL. */
const char *pem_next_certificate(const char *text);

/* The first BEGIN line of a private key in `text`, or NULL. */
const char *pem_private_key(const char *text);

#define PEM_LINE_MAX 64 /* of a BEGIN or END line, with its NUL */

/* Copies the BEGIN line at `text`, and the END line that belongs to it. False: it is too long. */
bool pem_lines(const char *text, char begin[PEM_LINE_MAX], char end[PEM_LINE_MAX]);

/* Replaces what Mbed TLS does not take between the lines: line ends of CR alone, line ends written
 * as the two characters `\n` (from JSON or C), and indentation. Works in place; returns the new
 * length. */
size_t pem_normalize(char *text);

#endif
