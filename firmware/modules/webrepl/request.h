/* SPDX-License-Identifier: MIT */
/*
 * Requests of the file protocol (MicroPython's extmod/modwebrepl.c): 82 bytes, assembled from
 * pieces of any size, and validation of the file name. Pure: no MicroPython.
 */
#ifndef ESPBENCH_WEBREPL_REQUEST_H
#define ESPBENCH_WEBREPL_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WEBREPL_REQUEST_SIZE 82
#define WEBREPL_NAME_MAX 64

/* The file in the target's folder that an upload is written to until it is complete. */
#define WEBREPL_UPLOAD_NAME ".webrepl-upload"

enum { WEBREPL_PUT = 1, WEBREPL_GET = 2, WEBREPL_VERSION = 3 };

typedef struct {
    uint8_t raw[WEBREPL_REQUEST_SIZE];
    size_t length; /* bytes received */
    /* valid when complete */
    uint8_t operation;
    uint64_t offset;
    uint32_t size;
    char name[WEBREPL_NAME_MAX + 1];
    bool signature_good, name_good;
} webrepl_request_t;

/* Takes the bytes that belong to the request; returns how many. */
size_t webrepl_request_feed(webrepl_request_t *request, const uint8_t *data, size_t length);
bool webrepl_request_complete(const webrepl_request_t *request);
void webrepl_request_clear(webrepl_request_t *request);

/* Whether this is a valid file name: UTF-8 without control characters, no component that is empty,
 * ".", ".." or WEBREPL_UPLOAD_NAME. */
bool webrepl_name_valid(const char *name);

/* The path of the temporary upload file in the folder of `name`. */
void webrepl_upload_path(const char *name,
                         char path[WEBREPL_NAME_MAX + sizeof WEBREPL_UPLOAD_NAME]);

#endif
