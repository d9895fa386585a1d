/* SPDX-License-Identifier: MIT */
/* Host test of the reader of TLS records: handshake messages in pieces, and failing memory. */
#include "webserver/tls/records.h"

#include <string.h>

#include "check.h"
#include "webserver/net_heap.h"

#define WAIT (-100)
#define END (-101)

static bool memory = true;
static int blocks;

void *net_malloc(size_t size) {
    blocks += memory;
    return memory ? malloc(size) : NULL;
}

void net_free(void *block) {
    blocks -= block != NULL;
    free(block);
}

/* What the client has sent; `step` bytes arrive at a time, 0: all at once. */
static uint8_t sent[70000];
static size_t sent_length, sent_at, step;
static bool arrived;

static int receive(void *context, unsigned char *data, size_t length) {
    CHECK(context == sent && length > 0);
    if (sent_at == sent_length) {
        return END;
    }
    if (step) {
        arrived = !arrived;
        if (!arrived) {
            return WAIT;
        }
        length = length < step ? length : step;
    }
    length = length < sent_length - sent_at ? length : sent_length - sent_at;
    memcpy(data, sent + sent_at, length);
    sent_at += length;
    return (int)length;
}

static void start(void) { sent_length = sent_at = 0; }

static void record(uint8_t type, const void *body, size_t length) {
    uint8_t header[] = {type, 3, 1, (uint8_t)(length >> 8), (uint8_t)length};
    memcpy(sent + sent_length, header, sizeof header);
    memcpy(sent + sent_length + sizeof header, body, length);
    sent_length += sizeof header + length;
}

/* Reads as Mbed TLS does: a whole header, then the body. Appends the records to `got`. */
static uint8_t got[70000];
static size_t got_length;
static tls_records_t records;

static int pull(size_t length) {
    while (length) {
        int n = tls_records_receive(&records, got + got_length, length);
        if (n == WAIT) {
            continue;
        }
        if (n < 0) {
            return n;
        }
        CHECK(n > 0 && (size_t)n <= length);
        CHECK(length != RECORD_HEADER || n == RECORD_HEADER || got_length > RECORD_HEADER);
        got_length += (size_t)n;
        length -= (size_t)n;
    }
    return 1;
}

static int read_all(void) {
    tls_records_init(&records, receive, sent);
    got_length = 0;
    int r;
    while ((r = pull(RECORD_HEADER)) > 0) {
        const uint8_t *header = got + got_length - RECORD_HEADER;
        if ((r = pull(header[3] << 8 | header[4])) < 0) {
            break;
        }
    }
    int left = blocks;
    tls_records_free(&records);
    CHECK(blocks == 0 && left <= 1);
    return r;
}

static bool is(const uint8_t *expected, size_t length) {
    return got_length == length && memcmp(got, expected, length) == 0;
}

static uint8_t hello[4 + 300];

static void pieces(size_t first, size_t each) {
    start();
    for (size_t at = 0; at < sizeof hello;) {
        size_t n = at ? each : first;
        n = n < sizeof hello - at ? n : sizeof hello - at;
        record(22, hello + at, n);
        at += n;
    }
}

static void test_pieces(void) {
    static uint8_t whole[5 + sizeof hello] = {22, 3, 1, sizeof hello >> 8, sizeof hello & 255};
    memcpy(whole + 5, hello, sizeof hello);
    for (step = 0; step < 3; step++) {
        for (size_t first = 1; first <= sizeof hello; first++) {
            pieces(first, sizeof hello);
            CHECK(read_all() == END && is(whole, sizeof whole));
        }
        pieces(1, 1);
        CHECK(read_all() == END && is(whole, sizeof whole));
    }
    step = 0;
}

static void test_several_messages(void) {
    /* Two messages in one record, the second cut; then one that ends with its record. */
    static const uint8_t first[] = {16, 0, 0, 2, 'a', 'b', 14, 0, 0, 0, 11, 0, 0, 3, 'c'};
    static const uint8_t second[] = {'d', 'e', 20, 0};
    static const uint8_t third[] = {0, 1, 'f'};
    static const uint8_t expected[] = {22, 3,   1,   0,   6,  16, 0,  0, 2, 'a', 'b', 22, 3, 1,
                                       0,  4,   14,  0,   0,  0,  22, 3, 1, 0,   7,   11, 0, 0,
                                       3,  'c', 'd', 'e', 22, 3,  1,  0, 5, 20,  0,   0,  1, 'f'};
    start();
    record(22, first, sizeof first);
    record(22, second, sizeof second);
    record(22, third, sizeof third);
    CHECK(read_all() == END && is(expected, sizeof expected));
}

static void test_encrypted_records_are_not_changed(void) {
    for (int type = 20; type <= 23; type += 3) { /* ChangeCipherSpec, application data */
        start();
        record((uint8_t)type, "\1", 1);
        record(22, hello, 3);
        record(22, hello, 1);
        record(23, "", 0);
        record(23, "data", 4);
        CHECK(read_all() == END && is(sent, sent_length));
    }
}

/* RFC 8446 appendix D.4: before its second ClientHello, a client of TLS 1.3 sends a
 * change_cipher_spec for middleboxes. */
static void test_a_second_hello_in_pieces(void) {
    static uint8_t whole[5 + sizeof hello] = {22, 3, 1, sizeof hello >> 8, sizeof hello & 255};
    static const uint8_t change[] = {20, 3, 1, 0, 1, 1};
    static const uint8_t encrypted[] = {23, 3, 1, 0, 3, 'a', 'b', 'c'};
    memcpy(whole + 5, hello, sizeof hello);
    for (size_t cut = 1; cut < sizeof hello; cut += 50) {
        start();
        record(22, hello, sizeof hello);
        record(20, "\1", 1);
        record(22, hello, cut);
        record(22, hello + cut, sizeof hello - cut);
        record(20, "\1", 1);
        record(23, "abc", 3);
        CHECK(read_all() == END);
        const uint8_t *at = got;
        CHECK(memcmp(at, whole, sizeof whole) == 0);
        CHECK(memcmp(at += sizeof whole, change, sizeof change) == 0);
        CHECK(memcmp(at += sizeof change, whole, sizeof whole) == 0);
        CHECK(memcmp(at += sizeof whole, change, sizeof change) == 0);
        CHECK(memcmp(at += sizeof change, encrypted, sizeof encrypted) == 0);
        CHECK(at + sizeof encrypted == got + got_length);
    }
    /* In TLS 1.2, it changes to encryption: the Finished that follows is not looked at. */
    static const uint8_t exchange[] = {16, 0, 0, 1, 'k'};
    start();
    record(22, hello, sizeof hello);
    record(22, exchange, sizeof exchange);
    record(20, "\1", 1);
    record(22, hello, 3);
    record(22, hello, 1);
    CHECK(read_all() == END && is(sent, sent_length));
    CHECK(!tls_records_changed(&records)); /* the server's comes after it */
}

/* RFC 5246 section 7.3: a resumed session has the server's ChangeCipherSpec first, and the client's
 * right after its hello. */
static void test_a_resumed_session(void) {
    start();
    record(22, hello, sizeof hello);
    CHECK(read_all() == END && is(sent, sent_length));
    CHECK(tls_records_changed(&records));
    sent_length = sent_at = got_length = 0;
    record(20, "\1", 1);
    record(22, hello, 3);
    record(22, hello, 1);
    while (pull(RECORD_HEADER) > 0) {
        CHECK(pull(got[got_length - 1]) > 0);
    }
    CHECK(is(sent, sent_length));
}

static void test_incomplete_records(void) {
    start();
    record(23, "7 bytes", 7);
    tls_records_init(&records, receive, sent);
    got_length = 0;
    CHECK(!tls_records_incomplete(&records));
    size_t whole = sent_length;
    for (size_t known = 1; known <= whole; known++) {
        sent_length = known;
        int r = pull(got_length < RECORD_HEADER ? RECORD_HEADER : whole - got_length);
        CHECK(r == END || known == RECORD_HEADER || known == whole);
        CHECK(tls_records_incomplete(&records) == (known < whole));
    }
}

static void test_other_records(void) {
    start(); /* an alert ends the handshake, also between pieces */
    record(21, "\2\50", 2);
    CHECK(read_all() == END && is(sent, sent_length) && tls_records_is_alert(&records));
    start(); /* an encrypted one is not looked at */
    record(20, "\1", 1);
    record(21, "encrypted", 9);
    CHECK(read_all() == END && is(sent, sent_length) && !tls_records_is_alert(&records));
    static const uint8_t alert[] = {21, 3, 1, 0, 2, 2, 40};
    for (size_t known = 1; known < 10; known += 5) {
        start();
        record(22, hello, known);
        record(21, alert + 5, 2);
        CHECK(read_all() == END && is(alert, sizeof alert));
        for (int type = 20; type < 26; type++) {
            if (type != 21 && type != 22) {
                start();
                record(22, hello, known);
                record((uint8_t)type, "\1", 1);
                CHECK(read_all() == TLS_RECORDS_INVALID && got_length == 0);
                CHECK(tls_records_alert(&records) == 10);
            }
        }
        start(); /* RFC 5246 section 6.2.1 forbids an empty piece */
        record(22, hello, known);
        record(22, "", 0);
        CHECK(read_all() == TLS_RECORDS_INVALID && tls_records_alert(&records) == 10);
    }
    start();
    record(23, "data", 4);
    record(99, "what?", 5);
    CHECK(read_all() == TLS_RECORDS_INVALID && got_length == 9);
    CHECK(tls_records_alert(&records) == 10);
    start(); /* Mbed TLS refuses these itself */
    record(22, "", 0);
    CHECK(read_all() == END && is(sent, sent_length) && tls_records_alert(&records) == 50);
    start();
    record(23, "x", 1);
    sent[1] = 2;
    CHECK(read_all() == END && tls_records_alert(&records) == 70);
}

static void test_limits(void) {
    static uint8_t body[16384 + 2049];
    start();
    record(23, body, 16384 + 2048);
    CHECK(read_all() == END && is(sent, sent_length));
    start();
    record(22, body, sizeof body);
    CHECK(read_all() == TLS_RECORDS_INVALID && got_length == 0);
    CHECK(tls_records_alert(&records) == 22);

    memcpy(body, "\1\0\x20\0", 4); /* a message of 4 + 8192 bytes is too long to join ... */
    start();
    record(22, body, 100);
    record(22, body + 100, 4 + 8192 - 100);
    CHECK(read_all() == END && is(sent, sent_length));
    start(); /* ... and cannot be passed on once its header is cut */
    record(22, body, 2);
    record(22, body + 2, 100);
    CHECK(read_all() == TLS_RECORDS_INVALID && got_length == 0);
    memcpy(body, "\1\0\x1f\xfc", 4);
    start();
    record(22, body, 100);
    record(22, body + 100, 8192 - 100);
    CHECK(read_all() == END && got_length == 5 + 8192);

    memory = false;
    pieces(7, 100);
    CHECK(read_all() == TLS_RECORDS_NO_MEMORY && got_length == 0);
    memory = true;

    pieces(7, 100); /* the client leaves between two pieces */
    sent_length -= 10;
    CHECK(read_all() == END && got_length == 0);
}

int main(void) {
    for (size_t i = 0; i < sizeof hello; i++) {
        hello[i] = (uint8_t)i;
    }
    memcpy(hello, "\1\0\1\x2c", 4); /* ClientHello, 300 bytes */
    test_pieces();
    test_several_messages();
    test_encrypted_records_are_not_changed();
    test_a_second_hello_in_pieces();
    test_a_resumed_session();
    test_incomplete_records();
    test_other_records();
    test_limits();
    return 0;
}
