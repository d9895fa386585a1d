/* SPDX-License-Identifier: MIT */
#include "request.h"

#include <string.h>

#include "webserver/text/utf8.h"

static uint64_t little_endian(const uint8_t *bytes, size_t count) {
    uint64_t number = 0;
    while (count-- > 0) {
        number = number << 8 | bytes[count];
    }
    return number;
}

/* Copies the name as a string; false when it is longer than its field or contains a NUL. */
static bool take_name(webrepl_request_t *request) {
    size_t length = little_endian(request->raw + 16, 2);
    if (length > WEBREPL_NAME_MAX) {
        return false;
    }
    memcpy(request->name, request->raw + 18, length);
    request->name[length] = 0;
    return strlen(request->name) == length;
}

/* struct "<2sBBQLH64s" */
static void decode(webrepl_request_t *request) {
    request->signature_good = request->raw[0] == 'W' && request->raw[1] == 'A';
    request->operation = request->raw[2];
    request->offset = little_endian(request->raw + 4, 8);
    request->size = (uint32_t)little_endian(request->raw + 12, 4);
    request->name_good = take_name(request) && webrepl_name_valid(request->name);
}

size_t webrepl_request_feed(webrepl_request_t *request, const uint8_t *data, size_t length) {
    size_t wanted = WEBREPL_REQUEST_SIZE - request->length;
    size_t used = length < wanted ? length : wanted;
    memcpy(request->raw + request->length, data, used);
    request->length += used;
    if (webrepl_request_complete(request)) {
        decode(request);
    }
    return used;
}

bool webrepl_request_complete(const webrepl_request_t *request) {
    return request->length == WEBREPL_REQUEST_SIZE;
}

void webrepl_request_clear(webrepl_request_t *request) { memset(request, 0, sizeof *request); }

static bool component_valid(const char *text, size_t length) {
    bool dots = (length == 1 && text[0] == '.') || (length == 2 && memcmp(text, "..", 2) == 0);
    bool upload =
        length == sizeof WEBREPL_UPLOAD_NAME - 1 && memcmp(text, WEBREPL_UPLOAD_NAME, length) == 0;
    return length > 0 && !dots && !upload;
}

static bool characters_valid(const char *name) {
    size_t length = strlen(name);
    if (length > WEBREPL_NAME_MAX || !utf8_valid(name, length)) {
        return false;
    }
    for (size_t i = 0; i < length; i++) {
        if ((uint8_t)name[i] < ' ' || name[i] == 127) {
            return false;
        }
    }
    return true;
}

bool webrepl_name_valid(const char *name) {
    if (!characters_valid(name)) {
        return false;
    }
    const char *component = name + (name[0] == '/');
    for (;;) {
        size_t length = strcspn(component, "/");
        if (!component_valid(component, length)) {
            return false;
        }
        if (component[length] == 0) {
            return true;
        }
        component += length + 1;
    }
}

void webrepl_upload_path(const char *name,
                         char path[WEBREPL_NAME_MAX + sizeof WEBREPL_UPLOAD_NAME]) {
    const char *slash = strrchr(name, '/');
    size_t folder = slash ? (size_t)(slash - name) + 1 : 0;
    memcpy(path, name, folder);
    strcpy(path + folder, WEBREPL_UPLOAD_NAME);
}
