/* SPDX-License-Identifier: MIT */
/* The bytes of a connection, plain or over TLS: queued output, input, and the end of both. */
#include <string.h>

#include "webserver/http/request.h"
#include "webserver/net/deferred_rst.h"
#include "webserver/net/pace.h"
#include "webserver/tls/session.h"
#include "webserver/ws/session.h"

#define BLOCK_MAX 4096 /* one TLS record; small pieces survive a fragmented heap */

/* Decrypted input of the connection being served. One buffer for all: at the end of service() it is
 * empty, or moved to the connection's stash. */
static uint8_t plain[2048];
static size_t plain_at, plain_length;
static const connection_t *plain_of; /* other connections may end while it is in use */

static void free_blocks(out_block_t *block) {
    while (block) {
        out_block_t *next = block->next;
        net_free(block);
        block = next;
    }
}

bool connection_queue(connection_t *connection, const void *a, size_t a_length, const void *b,
                      size_t b_length) {
    const part_t parts[] = {{a, a_length}, {b, b_length}};
    return connection_queue_parts(connection, parts, 2);
}

bool connection_queue_parts(connection_t *connection, const part_t *parts, size_t count) {
    out_block_t *first = NULL, *last = NULL;
    size_t left = 0, used = 0;
    for (size_t i = 0; i < count; i++) {
        left += parts[i].length;
    }
    size_t total = left;
    while (left) {
        size_t n = left < BLOCK_MAX ? left : BLOCK_MAX;
        out_block_t *block = net_malloc(sizeof *block + n);
        if (!block) {
            free_blocks(first);
            return false;
        }
        *block = (out_block_t){.length = n};
        for (size_t at = 0; at < n;) {
            size_t rest = parts->length - used, k = rest < n - at ? rest : n - at;
            memcpy(block->data + at, (const uint8_t *)parts->data + used, k);
            used += k;
            at += k;
            if (used == parts->length) {
                parts++;
                used = 0;
            }
        }
        if (last) {
            last->next = block;
        } else {
            first = block;
        }
        last = block;
        left -= n;
    }
    if (!first) {
        return true;
    }
    if (connection->out_last) {
        connection->out_last->next = first;
    } else {
        uint64_t now = board_us();
        connection->out = first;
        connection->last_sent = now;
        if (connection->out_by == NEVER) {
            connection->out_by = pace_begin(connection, now);
        }
    }
    connection->out_last = last;
    connection->out_bytes += total;
    connection->ready = true;
    return true;
}

/* Passes bytes to lwIP. Returns how many it took, 0 when it is full for now, -1 when it has been
 * out of memory for too long. */
static int tcp_give(connection_t *connection, const void *data, size_t length) {
    struct tcp_pcb *pcb = connection->pcb;
    size_t room = tcp_sndbuf(pcb);
    length = length < room ? length : room;
    if (length == 0 || tcp_sndqueuelen(pcb) + 4 > TCP_SND_QUEUELEN) {
        return 0;
    }
    if (tcp_write(pcb, data, (u16_t)length, TCP_WRITE_FLAG_COPY) == ERR_OK) {
        connection->no_memory = false;
        return (int)length;
    }
    /* No memory: other connections may free some. Retry (the poll checks no_memory) for a limited
     * time. */
    uint64_t now = board_us();
    if (!connection->no_memory) {
        connection->no_memory = true;
        connection->no_memory_since = now;
    }
    return now - connection->no_memory_since > NO_MEMORY_US ? -1 : 0;
}

int connection_bio_send(void *context, const unsigned char *data, size_t length) {
    NETWORK_LOCKED; /* a handshake is computed without the lock */
    connection_t *connection = context;
    if (!connection->pcb) {
        return MBEDTLS_ERR_SSL_CONN_EOF;
    }
    int n = tcp_give(connection, data, length);
    return n > 0 ? n : n == 0 ? MBEDTLS_ERR_SSL_WANT_WRITE : MBEDTLS_ERR_SSL_ALLOC_FAILED;
}

static void use_rx(connection_t *connection, size_t length) {
    if (connection->pcb) {
        tcp_recved(connection->pcb, (u16_t)length);
    }
    connection->rx_at += (uint16_t)length;
    while (connection->rx && connection->rx_at >= connection->rx->len) {
        struct pbuf *used = connection->rx;
        connection->rx_at -= used->len;
        connection->rx = used->next;
        if (connection->rx) {
            pbuf_ref(connection->rx);
        }
        pbuf_free(used);
    }
}

static bool tcp_has_ended(const connection_t *connection) {
    return !connection->rx && (connection->eof || !connection->pcb);
}

int connection_bio_receive(void *context, unsigned char *data, size_t length) {
    NETWORK_LOCKED;
    connection_t *connection = context;
    if (!connection->rx) {
        return tcp_has_ended(connection) ? MBEDTLS_ERR_SSL_CONN_EOF : MBEDTLS_ERR_SSL_WANT_READ;
    }
    size_t available = connection->rx->tot_len - connection->rx_at;
    size_t n = available < length ? available : length;
    pbuf_copy_partial(connection->rx, data, (u16_t)n, connection->rx_at);
    use_rx(connection, n);
    return (int)n;
}

static io_result_t send_block(connection_t *connection, out_block_t *block) {
    const uint8_t *data = block->data + block->sent;
    size_t left = block->length - block->sent;
    int n = connection->tls ? mbedtls_ssl_write(&connection->tls->ssl, data, left)
                            : tcp_give(connection, data, left);
    if (connection->tls && (n == MBEDTLS_ERR_SSL_WANT_WRITE || n == MBEDTLS_ERR_SSL_WANT_READ)) {
        n = 0;
    }
    if (n < 0) {
        connection_failure(connection, CAUSE_NO_MEMORY, "out of memory while sending");
        connection_end(connection, true);
        return IO_ENDED;
    }
    block->sent += (size_t)n;
    connection->out_bytes -= (size_t)n;
    return n ? IO_OK : IO_BLOCKED;
}

io_result_t connection_send(connection_t *connection) {
    io_result_t result = IO_OK;
    while (connection->out && result == IO_OK) {
        out_block_t *block = connection->out;
        result = send_block(connection, block);
        if (result == IO_OK && block->sent == block->length) {
            connection->out = block->next;
            if (!connection->out) {
                connection->out_last = NULL;
            }
            net_free(block);
        }
    }
    if (connection->pcb) {
        tcp_output(connection->pcb);
    }
    return result;
}

static void drop_held(connection_t *connection);

/* Mbed TLS returns 0 at the end of the connection, and for the second of two empty records, which
 * RFC 5246 section 6.2.1 allows. It counts these, and refuses the fourth in a row. */
static int read_tls(connection_t *connection, bool *memory) {
    int n;
    do {
        n = tls_read(connection, plain, sizeof plain, memory);
    } while (n == 0 && !tcp_has_ended(connection));
    return n;
}

static io_result_t peek_tls(connection_t *connection, const uint8_t **data, size_t *length) {
    if (plain_at == plain_length) {
        bool memory;
        int n = read_tls(connection, &memory);
        if (n == MBEDTLS_ERR_SSL_WANT_READ || n == MBEDTLS_ERR_SSL_WANT_WRITE) {
            return IO_BLOCKED;
        }
        if (n == 0 || n == MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY || n == MBEDTLS_ERR_SSL_CONN_EOF) {
            connection->eof = true;
            return IO_ENDED;
        }
        if (n < 0) {
            bool alert = n == MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE;
            connection_failure(connection,
                               memory  ? CAUSE_NO_MEMORY
                               : alert ? CAUSE_TLS_ALERT
                                       : CAUSE_TLS_PROTOCOL,
                               memory  ? "out of memory while receiving"
                               : alert ? "the client sent a fatal alert"
                                       : "a TLS record is broken");
            drop_held(connection);
            connection_finish(connection); /* in order: a reset could swallow the alert */
            return IO_ENDED;
        }
        plain_at = 0;
        plain_length = (size_t)n;
        plain_of = connection;
    }
    *data = plain + plain_at;
    *length = plain_length - plain_at;
    return IO_OK;
}

io_result_t connection_peek(connection_t *connection, const uint8_t **data, size_t *length) {
    if (connection->stash) {
        *data = connection->stash + connection->stash_at;
        *length = connection->stash_length - connection->stash_at;
        return IO_OK;
    }
    if (connection->tls) {
        return peek_tls(connection, data, length);
    }
    if (!connection->rx) {
        return connection->eof ? IO_ENDED : IO_BLOCKED;
    }
    *data = (uint8_t *)connection->rx->payload + connection->rx_at;
    *length = connection->rx->len - connection->rx_at;
    return IO_OK;
}

void connection_use(connection_t *connection, size_t length) {
    if (connection->stash) {
        connection->stash_at += length;
        if (connection->stash_at == connection->stash_length) {
            net_free(connection->stash);
            connection->stash = NULL;
        }
    } else if (plain_length) {
        plain_at += length;
    } else {
        use_rx(connection, length);
    }
}

bool connection_keep_rest(connection_t *connection) {
    size_t rest = plain_length - plain_at;
    const uint8_t *from = plain + plain_at;
    plain_at = plain_length = 0;
    if (rest == 0 || !connection->tls) {
        return true;
    }
    connection->stash = net_malloc(rest);
    if (!connection->stash) {
        return false;
    }
    memcpy(connection->stash, from, rest);
    connection->stash_at = 0;
    connection->stash_length = rest;
    return true;
}

void connection_drop_input(connection_t *connection) {
    while (connection->rx) {
        use_rx(connection, connection->rx->len - connection->rx_at);
    }
    net_free(connection->stash);
    connection->stash = NULL;
}

static void drop_held(connection_t *connection) {
    http_forget(connection);
    ws_forget(connection);
    tls_free(connection);
    if (plain_of == connection) {
        plain_at = plain_length = 0;
    }
    free_blocks(connection->out);
    connection->out = connection->out_last = NULL;
    connection->out_bytes = connection->stream_left = 0;
}

void connection_finish(connection_t *connection) {
    connection->state = STATE_FLUSH;
    connection->ready = true;
    if (connection->out || connection->stream_left) {
        return;
    }
    if (connection->tls && connection->pcb) {
        mbedtls_ssl_close_notify(&connection->tls->ssl);
    }
    drop_held(connection);
    connection->state = STATE_LINGER;
    connection->last_sent = board_us();
    connection->linger_by = connection->last_sent + LINGER_US;
    connection_drop_input(connection);
    if (connection->eof || !connection->pcb || tcp_shutdown(connection->pcb, 0, 1) != ERR_OK) {
        connection_end(connection, false);
    }
}

void connection_end(connection_t *connection, bool abort) {
    drop_held(connection);
    connection->state = STATE_LINGER;
    connection->ready = true;
    struct tcp_pcb *pcb = connection->pcb;
    if (connection->rx) {
        pbuf_free(connection->rx);
        connection->rx = NULL;
    }
    net_free(connection->stash);
    connection->stash = NULL;
    connection->pcb = NULL;
    if (pcb) {
        tcp_arg(pcb, NULL);
        tcp_recv(pcb, NULL);
        tcp_sent(pcb, NULL);
        tcp_err(pcb, NULL);
        if (abort || tcp_close(pcb) != ERR_OK) {
            deferred_rst_abort(pcb);
        }
    }
}
