/* SPDX-License-Identifier: MIT */
/* TLS versions, by their numbers on the wire (RFC 8446 section 4.2.1). */
#ifndef ESPBENCH_WEBSERVER_TLS_VERSION_H
#define ESPBENCH_WEBSERVER_TLS_VERSION_H

#include "mbedtls/build_info.h"

#define TLS_1_2 0x0303
#define TLS_1_3 0x0304

/* The newest version in this build. */
#ifdef MBEDTLS_SSL_PROTO_TLS1_3
#define TLS_NEWEST TLS_1_3
#else
#define TLS_NEWEST TLS_1_2
#endif

#endif
