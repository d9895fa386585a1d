/* SPDX-License-Identifier: MIT */
#include "webserver/tls/client_hello.h"

enum { HEADER = 4, VERSION_AND_RANDOM = 2 + 32 };
enum { TLS12 = 0x0303, NO_COMPRESSION = 0, HOST_NAME = 0 };
enum { SERVER_NAME = 0, EXTENDED_MASTER_SECRET = 23, SUPPORTED_VERSIONS = 43 }; /* extensions */

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

static bool includes(reader_t values, size_t bytes, uint16_t wanted) {
    bool found = false;
    while (values.left > 0) {
        found |= number(&values, bytes) == wanted;
    }
    return found;
}

static client_hello_t judge_versions(reader_t data) {
    reader_t versions = vector(&data, 1);
    bool malformed = versions.malformed || versions.left % 2 != 0;
    return malformed || includes(versions, 2, TLS12) ? HELLO_OK : HELLO_NO_TLS12;
}

/* A list of names, each behind its type. All types have a length of two bytes before the name. */
static client_hello_t judge_names(reader_t data) {
    reader_t names = vector(&data, 2);
    bool malformed = names.left == 0 || data.left > 0, twice = false, host_name = false;
    while (names.left > 0 && !names.malformed) {
        uint16_t type = number(&names, 1);
        malformed |= vector(&names, 2).left == 0;
        twice |= type == HOST_NAME && host_name;
        host_name |= type == HOST_NAME;
    }
    return malformed || names.malformed ? HELLO_MALFORMED : twice ? HELLO_ILLEGAL : HELLO_OK;
}

client_hello_t client_hello_judge(const uint8_t *message, size_t length, bool *extended) {
    reader_t hello = {message, length, false};
    take(&hello, HEADER + VERSION_AND_RANDOM);
    vector(&hello, 1); /* legacy_session_id */
    vector(&hello, 2); /* cipher_suites */
    reader_t compressions = vector(&hello, 1);
    client_hello_t verdict = includes(compressions, 1, NO_COMPRESSION) ? HELLO_OK : HELLO_ILLEGAL;
    reader_t extensions = hello.left > 0 ? vector(&hello, 2) : hello; /* may be left out */
    uint64_t seen = 0; /* types below 64, which include those that Mbed TLS knows */
    while (extensions.left > 0 && !extensions.malformed) {
        uint16_t type = number(&extensions, 2);
        reader_t data = vector(&extensions, 2);
        uint64_t bit = type < 64 ? UINT64_C(1) << type : 0;
        client_hello_t found = seen & bit                   ? HELLO_ILLEGAL
                               : type == SUPPORTED_VERSIONS ? judge_versions(data)
                               : type == SERVER_NAME        ? judge_names(data)
                                                            : HELLO_OK;
        seen |= bit;
        verdict = verdict == HELLO_OK || found == HELLO_NO_TLS12 ? found : verdict;
    }
    *extended = (seen & UINT64_C(1) << EXTENDED_MASTER_SECRET) != 0;
    return hello.malformed || extensions.malformed ? HELLO_OK : verdict;
}
