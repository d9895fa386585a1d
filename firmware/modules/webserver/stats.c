/* SPDX-License-Identifier: MIT */
#include "webserver/stats.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>

#include "webserver/net_heap.h"
#include "webserver/queue_figures.h"

server_stats_t server_stats;

static const char *const slugs[CAUSES] = {
#define X(name, slug) slug,
    SERVER_CAUSES(X)
#undef X
};

const char *server_cause_slug(server_cause_t cause) { return slugs[cause]; }

void server_count_response(unsigned status) {
    for (int i = 0; i < SERVER_STATUS_KINDS; i++) {
        if (server_stats.responses[i].status == 0) {
            server_stats.responses[i].status = (uint16_t)status;
        }
        if (server_stats.responses[i].status == status) {
            server_stats.responses[i].count++;
            return;
        }
    }
}

typedef struct {
    char *text;
    size_t size, length;
    bool overflow;
} writer_t;

static void put(writer_t *writer, const char *format, ...) {
    va_list args;
    va_start(args, format);
    int n = writer->overflow ? -1
                             : vsnprintf(writer->text + writer->length,
                                         writer->size - writer->length, format, args);
    va_end(args);
    if (n < 0 || writer->length + (size_t)n >= writer->size) {
        writer->overflow = true;
    } else {
        writer->length += (size_t)n;
    }
}

static void put_scheme(writer_t *writer, const char *name, const server_scheme_stats_t *stats) {
    put(writer, "\"%s\":{\"open\":%lu,\"accepted\":%lu,\"purged\":%lu,", name,
        (unsigned long)stats->open, (unsigned long)stats->accepted, (unsigned long)stats->purged);
    put(writer, "\"refused\":%lu,\"closed\":%lu,\"errors\":%lu},", (unsigned long)stats->refused,
        (unsigned long)stats->closed, (unsigned long)stats->errors);
}

size_t server_stats_json(char *buf, size_t n) {
    const server_stats_t *s = &server_stats;
    writer_t w = {buf, n, 0, n == 0};
    put(&w, "{");
    put_scheme(&w, "http", &s->scheme[0]);
    put_scheme(&w, "https", &s->scheme[1]);
    put(&w, "\"handshakes\":{\"ok\":%lu,\"resumed\":%lu,\"failed\":%lu,\"timeout\":%lu},",
        (unsigned long)s->handshakes.ok, (unsigned long)s->handshakes.resumed,
        (unsigned long)s->handshakes.failed, (unsigned long)s->handshakes.timeout);
    put(&w, "\"requests\":%lu,", (unsigned long)s->requests);
    put(&w, "\"responses\":{");
    for (int i = 0; i < SERVER_STATUS_KINDS && s->responses[i].status; i++) {
        put(&w, "%s\"%u\":%lu", i ? "," : "", s->responses[i].status,
            (unsigned long)s->responses[i].count);
    }
    put(&w, "},\"websocket\":{\"open\":%lu,\"accepted\":%lu,\"messages_in\":%lu,",
        (unsigned long)s->websocket.open, (unsigned long)s->websocket.accepted,
        (unsigned long)s->websocket.messages_in);
    put(&w, "\"messages_out\":%lu,\"pings\":%lu,\"closed\":%lu},",
        (unsigned long)s->websocket.messages_out, (unsigned long)s->websocket.pings,
        (unsigned long)s->websocket.closed);
    server_queue_figures_t queues = server_queue_figures();
    put(&w, "\"queue\":{\"depth\":%lu,\"max\":%lu,\"full\":%lu},\"alloc_failures\":%lu,",
        (unsigned long)queues.depth, (unsigned long)queues.max, (unsigned long)queues.full,
        (unsigned long)net_heap_failures());
    put(&w, "\"failures\":{");
    bool first = true;
    for (int i = 0; i < CAUSES; i++) {
        if (s->failures[i]) {
            put(&w, "%s\"%s\":%lu", first ? "" : ",", slugs[i], (unsigned long)s->failures[i]);
            first = false;
        }
    }
    put(&w, "}}");
    return w.overflow ? 0 : w.length;
}
