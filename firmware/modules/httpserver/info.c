/* SPDX-License-Identifier: MIT */
#include "info.h"

#include <stdio.h>
#include <string.h>

#include "mbedtls/oid.h"
#include "py/runtime.h"
#include "webserver/tls/credentials.h"

static void store(mp_obj_t dict, qstr key, mp_obj_t value) {
    mp_obj_dict_store(dict, MP_OBJ_NEW_QSTR(key), value);
}

/* The subject's common name; without one, the first DNS name or the whole subject. Anything but
 * printable ASCII becomes '?': the file is untrusted, and the name goes into a page. */
static mp_obj_t certificate_name(const mbedtls_x509_crt *crt) {
    char text[128];
    size_t length = 0;
    const mbedtls_x509_buf *found = NULL;
    for (const mbedtls_x509_name *part = &crt->subject; part && !found; part = part->next) {
        if (part->oid.p && MBEDTLS_OID_CMP(MBEDTLS_OID_AT_CN, &part->oid) == 0) {
            found = &part->val;
        }
    }
    const mbedtls_x509_sequence *name = &crt->subject_alt_names;
    for (; name && !found; name = name->next) {
        /* [2] dNSName, RFC 5280 section 4.2.1.6 */
        if (name->buf.p && (name->buf.tag & MBEDTLS_ASN1_TAG_VALUE_MASK) == 2) {
            found = &name->buf;
        }
    }
    if (found) {
        length = found->len < sizeof text ? found->len : sizeof text;
        memcpy(text, found->p, length);
    } else {
        int n = mbedtls_x509_dn_gets(text, sizeof text, &crt->subject);
        length = n > 0 ? (size_t)n : 0;
    }
    for (size_t i = 0; i < length; i++) {
        text[i] = text[i] >= ' ' && text[i] <= '~' ? text[i] : '?';
    }
    return mp_obj_new_str(text, length);
}

/* RFC 3339; X.509 times are UTC. */
static mp_obj_t time_text(const mbedtls_x509_time *t) {
    char text[64];
    int n = snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:%02dZ", t->year, t->mon, t->day,
                     t->hour, t->min, t->sec);
    return mp_obj_new_str(text, (size_t)n);
}

static mp_obj_t certificate(const mbedtls_x509_crt *crt) {
    mp_obj_t dict = mp_obj_new_dict(2);
    store(dict, MP_QSTR_name, certificate_name(crt));
    store(dict, MP_QSTR_not_after, time_text(&crt->valid_to));
    return dict;
}

mp_obj_t server_info_listener(server_scheme_t scheme, const transport_options_t *options) {
    if (!transport_running(scheme)) {
        return mp_const_none;
    }
    mp_obj_t dict = mp_obj_new_dict(5);
    store(dict, MP_QSTR_port, MP_OBJ_NEW_SMALL_INT(options->port));
    store(dict, MP_QSTR_max, MP_OBJ_NEW_SMALL_INT(options->max_connections));
    if (options->identity) {
        store(dict, MP_QSTR_certificate, certificate(&options->identity->chain));
        store(dict, MP_QSTR_minimum_version, MP_OBJ_NEW_SMALL_INT(options->minimum_version));
        store(dict, MP_QSTR_maximum_version, MP_OBJ_NEW_SMALL_INT(options->maximum_version));
    }
    return dict;
}
