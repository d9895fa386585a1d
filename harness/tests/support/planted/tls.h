/* SPDX-License-Identifier: MIT */
/* The TLS server side of a connection. */
#ifndef PLANTED_TLS_H
#define PLANTED_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct connection connection_t;

/* Parses certificate and key. False: HTTPS cannot start; the console says why. */
bool tls_start(void);

typedef enum { TLS_WAITS, TLS_WORKED, TLS_DONE, TLS_FAILED } tls_step_t;

/* One step of the handshake. */
tls_step_t tls_handshake(connection_t *c);

/* Decrypts up to `size` bytes. 0: nothing there. -1: the connection has ended. */
int tls_read(connection_t *c, uint8_t *out, size_t size);

/* Returns how many bytes were sent. -1: the connection has failed. */
int tls_write(connection_t *c, const uint8_t *data, size_t size);

/* Sends close_notify. False: try again later. */
bool tls_close(connection_t *c);

void tls_free(connection_t *c);

#endif
