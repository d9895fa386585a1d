/* SPDX-License-Identifier: MIT */
/*
 * The servers' statistics since boot. Pure: no lwIP, no MicroPython, no allocation, so that the
 * control channel can query them in any state of the device.
 */
#ifndef ESPBENCH_WEBSERVER_STATS_H
#define ESPBENCH_WEBSERVER_STATS_H

#include <stddef.h>
#include <stdint.h>

/* Causes of failures, with their names in the statistics. */
#define SERVER_CAUSES(X)                                                                           \
    X(NO_MEMORY, "no_memory")                 /* an allocation failed */                           \
    X(HANDSHAKE_TIMEOUT, "handshake_timeout") /* not done in time */                               \
    X(HANDSHAKE_CLOSED, "handshake_closed")   /* the peer closed or reset it */                    \
    X(TLS_ALERT, "tls_alert")                 /* the peer sent a fatal alert */                    \
    X(TLS_VERSION, "tls_version")             /* no version in common */                           \
    X(TLS_CIPHER, "tls_cipher")               /* no cipher suite in common */                      \
    X(TLS_PROTOCOL, "tls_protocol")           /* garbage, a bad record, a bad message */           \
    X(PLAIN_ON_TLS, "plain_http_on_tls")      /* plain HTTP on the TLS port */                     \
    X(TLS_ON_PLAIN, "tls_on_plain_http")      /* TLS on the plain port */                          \
    X(BAD_REQUEST, "bad_request")                                                                  \
    X(URI_TOO_LONG, "uri_too_long")                                                                \
    X(HEADER_TOO_LARGE, "header_too_large")                                                        \
    X(BODY_TOO_LARGE, "body_too_large")                                                            \
    X(QUEUE_FULL, "queue_full")                                                                    \
    X(RECV_TIMEOUT, "recv_timeout")                                                                \
    X(SEND_TIMEOUT, "send_timeout")                                                                \
    X(RESPONSE_TIMEOUT, "response_timeout") /* MicroPython did not answer in time */               \
    X(PEER_RESET, "peer_reset")                                                                    \
    X(REFUSED, "refused") /* above the limit */                                                    \
    X(HANDLER_ERROR, "handler_error")                                                              \
    X(WS_PROTOCOL, "ws_protocol")                                                                  \
    X(WS_NOT_UTF8, "ws_not_utf8")                                                                  \
    X(WS_TOO_BIG, "ws_too_big")                                                                    \
    X(WS_PING_TIMEOUT, "ws_ping_timeout")                                                          \
    X(WS_CLOSE_TIMEOUT, "ws_close_timeout")                                                        \
    X(WS_ORIGIN, "ws_origin") /* a page of another origin */

typedef enum {
#define X(name, slug) CAUSE_##name,
    SERVER_CAUSES(X)
#undef X
        CAUSES
} server_cause_t;

typedef struct {
    uint32_t open, accepted, purged, refused, closed, errors;
} server_scheme_stats_t;

#define SERVER_STATUS_KINDS 24

typedef struct {
    server_scheme_stats_t scheme[2]; /* http, https */
    struct {
        uint32_t ok, resumed, failed, timeout; /* `ok` includes `resumed` */
    } handshakes;
    uint32_t requests;
    struct {
        uint16_t status;
        uint32_t count;
    } responses[SERVER_STATUS_KINDS];
    struct {
        uint32_t open, accepted, messages_in, messages_out, pings, closed;
    } websocket;
    uint32_t failures[CAUSES];
} server_stats_t;

extern server_stats_t server_stats;

const char *server_cause_slug(server_cause_t cause);
void server_count_response(unsigned status);

/* The statistics as one JSON object (see docs for its keys); returns its length, or 0 when it does
 * not fit. Never allocates. */
size_t server_stats_json(char *buf, size_t n);

#endif
