/* SPDX-License-Identifier: MIT */
#define MBEDTLS_ALLOW_PRIVATE_ACCESS /* for the session of a mbedtls_ssl_context */
#include "webserver/tls/resumption.h"

#include <string.h>

#include "mbedtls/platform_util.h"
#if TLS_HAS_TICKETS
#include "mbedtls/ssl_ticket.h"
#endif

#include "webserver/port.h"
#include "webserver/tls/credentials.h"

#define SESSION_MAX 128 /* bytes of a session without the client's certificate: 115 on ESP-IDF */

static mbedtls_ssl_context *current;
static uint64_t timeout_us;

void tls_resumption_step(mbedtls_ssl_context *ssl) { current = ssl; }

void tls_resumption_extended(mbedtls_ssl_context *ssl, bool extended) {
    mbedtls_ssl_set_user_data_n(ssl, extended);
}

static bool is_extended(void) { return mbedtls_ssl_get_user_data_n(current) == true; }

/* -------------------------------------------------------------------- tickets */

#if TLS_HAS_TICKETS

static mbedtls_ssl_ticket_context tickets;
static bool has_tickets;
static uint64_t rotated_at;

static int rotate(void) {
    uint8_t name[MBEDTLS_SSL_TICKET_KEY_NAME_BYTES], key[MBEDTLS_SSL_TICKET_MAX_KEY_BYTES];
    int r = tls_random(NULL, name, sizeof name);
    if (r == 0) {
        r = tls_random(NULL, key, sizeof key);
    }
    if (r == 0) {
        r = mbedtls_ssl_ticket_rotate(&tickets, name, sizeof name, key, sizeof key,
                                      (uint32_t)(timeout_us / 1000000));
    }
    mbedtls_platform_zeroize(key, sizeof key);
    return r;
}

/* A key encrypts for one period and decrypts for one more. Mbed TLS rotates keys itself only where
 * it has a clock, and after a long silence leaves the old one in place. */
static int rotate_if_due(void) {
    int r = 0;
    uint64_t age = board_us() - rotated_at;
    for (uint64_t period = 0; r == 0 && period < 2 && age >= timeout_us; period++) {
        age -= timeout_us;
        r = rotate();
        rotated_at = board_us();
    }
    return r;
}

static int write_ticket(void *context, const mbedtls_ssl_session *session, unsigned char *start,
                        const unsigned char *end, size_t *length, uint32_t *lifetime) {
    *length = 0; /* without a ticket, an empty one is sent (RFC 5077 section 3.3) */
    *lifetime = 0;
    int r = is_extended() ? rotate_if_due() : MBEDTLS_ERR_SSL_FEATURE_UNAVAILABLE;
    return r == 0 ? mbedtls_ssl_ticket_write(context, session, start, end, length, lifetime) : r;
}

static int parse_ticket(void *context, mbedtls_ssl_session *session, unsigned char *ticket,
                        size_t length) {
    int r = is_extended() ? rotate_if_due() : MBEDTLS_ERR_SSL_INVALID_MAC;
    return r == 0 ? mbedtls_ssl_ticket_parse(context, session, ticket, length) : r;
}

static int start_tickets(mbedtls_ssl_config *config) {
    has_tickets = true;
    mbedtls_ssl_ticket_init(&tickets);
    int r = mbedtls_ssl_ticket_setup(&tickets, tls_random, NULL, MBEDTLS_CIPHER_AES_256_GCM,
                                     (uint32_t)(timeout_us / 1000000));
    rotated_at = board_us();
    mbedtls_ssl_conf_session_tickets_cb(config, write_ticket, parse_ticket, &tickets);
    return r;
}

static void stop_tickets(void) {
    if (has_tickets) {
        mbedtls_ssl_ticket_free(&tickets);
        has_tickets = false;
    }
}

#else

static int start_tickets(mbedtls_ssl_config *config) {
    (void)config;
    return MBEDTLS_ERR_SSL_FEATURE_UNAVAILABLE;
}

static void stop_tickets(void) {}

#endif

/* -------------------------------------------------------------------- IDs */

/* Instead of Mbed TLS's ssl_cache.c, whose sessions expire only where it has a clock. */
typedef struct {
    uint64_t until;
    size_t id_length, length; /* no length: the place is free */
    uint8_t id[32];           /* RFC 5246 section 7.4.1.2 */
    uint8_t session[SESSION_MAX];
} place_t;

static place_t *places;
static size_t count;

static void clear(place_t *place) { mbedtls_platform_zeroize(place, sizeof *place); }

/* Returns the session's place, or NULL. Clears those whose time is over. */
static place_t *find(const unsigned char *id, size_t length) {
    place_t *found = NULL;
    uint64_t now = board_us();
    for (place_t *place = places; place < places + count; place++) {
        if (place->length > 0 && now >= place->until) {
            clear(place);
        }
        if (place->length > 0 && place->id_length == length && memcmp(place->id, id, length) == 0) {
            found = place;
        }
    }
    return found;
}

static int get_session(void *unused, unsigned char const *id, size_t length,
                       mbedtls_ssl_session *session) {
    (void)unused;
    const place_t *place = is_extended() ? find(id, length) : NULL;
    return place ? mbedtls_ssl_session_load(session, place->session, place->length)
                 : MBEDTLS_ERR_SSL_CACHE_ENTRY_NOT_FOUND;
}

/* The oldest session makes room. */
static int set_session(void *unused, unsigned char const *id, size_t length,
                       const mbedtls_ssl_session *session) {
    (void)unused;
    if (!is_extended() || length > sizeof places->id) {
        return 0;
    }
    place_t *place = places;
    for (place_t *each = places; each < places + count; each++) {
        if (each->until < place->until) { /* 0: free */
            place = each;
        }
    }
    clear(place);
    int r =
        mbedtls_ssl_session_save(session, place->session, sizeof place->session, &place->length);
    if (r != 0) {
        clear(place);
        return r;
    }
    memcpy(place->id, id, length);
    place->id_length = length;
    place->until = board_us() + timeout_us;
    return 0;
}

static int start_places(mbedtls_ssl_config *config, size_t wanted) {
    places = net_calloc(wanted, sizeof *places);
    if (!places) {
        return MBEDTLS_ERR_SSL_ALLOC_FAILED;
    }
    count = wanted;
    mbedtls_ssl_conf_session_cache(config, NULL, get_session, set_session);
    return 0;
}

static void stop_places(void) {
    if (places) {
        mbedtls_platform_zeroize(places, count * sizeof *places);
        net_free(places);
        places = NULL;
        count = 0;
    }
}

void tls_resumption_forget(const mbedtls_ssl_context *ssl) {
    const mbedtls_ssl_session *session = ssl->session;
    place_t *place = session && count > 0 ? find(session->id, session->id_len) : NULL;
    if (place) {
        clear(place);
    }
}

int tls_resumption_start(mbedtls_ssl_config *config, const transport_options_t *options) {
    timeout_us = UINT64_C(1000) * options->session_timeout_ms;
    int r = options->session_tickets ? start_tickets(config) : 0;
    return r == 0 && options->session_ids > 0 ? start_places(config, options->session_ids) : r;
}

void tls_resumption_stop(void) {
    stop_tickets();
    stop_places();
}
