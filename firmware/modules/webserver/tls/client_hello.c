/* SPDX-License-Identifier: MIT */
#include "webserver/tls/client_hello.h"

enum { HEADER = 4, VERSION_AND_RANDOM = 2 + 32 };
enum { TLS12 = 0x0303, SUPPORTED_VERSIONS = 43 };

/* What is left of the message to read; reading beyond its end makes it malformed. */
typedef struct {
    const uint8_t *at;
    size_t left;
    bool malformed;
} reader_t;

static reader_t take(reader_t *from, size_t length) {
    if (length > from->left) {
        from->malformed = true;
        length = from->left;
    }
    reader_t taken = {from->at, length, from->malformed};
    from->at += length;
    from->left -= length;
    return taken;
}

static uint16_t number(reader_t *from, size_t bytes) {
    reader_t digits = take(from, bytes);
    uint16_t value = 0;
    for (; digits.left > 0; digits.left--) {
        value = (uint16_t)(value << 8 | *digits.at++);
    }
    return value;
}

/* Takes a vector with a length of so many bytes before it (RFC 8446 section 3.4). */
static reader_t vector(reader_t *from, size_t bytes) { return take(from, number(from, bytes)); }

bool client_hello_offers_tls12(const uint8_t *message, size_t length) {
    reader_t hello = {message, length, false};
    take(&hello, HEADER + VERSION_AND_RANDOM);
    vector(&hello, 1); /* legacy_session_id */
    vector(&hello, 2); /* cipher_suites */
    vector(&hello, 1); /* legacy_compression_methods */
    reader_t extensions = vector(&hello, 2);
    while (extensions.left > 0 && !extensions.malformed) {
        uint16_t type = number(&extensions, 2);
        reader_t data = vector(&extensions, 2);
        if (type != SUPPORTED_VERSIONS) {
            continue;
        }
        reader_t versions = vector(&data, 1);
        bool found = versions.malformed || versions.left % 2 != 0;
        while (versions.left > 0) {
            found |= number(&versions, 2) == TLS12;
        }
        return found;
    }
    return true;
}
