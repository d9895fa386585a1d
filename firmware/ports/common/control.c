/* SPDX-License-Identifier: MIT */
#include "control.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/ballast.h"
#include "bench/cycles.h"
#include "bench/decimal.h"
#include "bench/faults.h"
#include "bench/json.h"
#include "bench/panic.h"
#include "board.h"
#include "console.h"
#include "control_python.h"
#include "py/mpconfig.h"
#include "retained.h"
#include "webserver/net_heap.h"
#include "webserver/server.h"

/* The firmware may be built without the servers. */
void server_watch_listening(server_listening_t watcher) __attribute__((weak));
const char *server_scheme_name(server_scheme_t scheme) __attribute__((weak));

#ifndef CONTROL_REQUEST_BYTES /* board.h may set less */
#define CONTROL_REQUEST_BYTES (64 * 1024)
#endif

/* Static, so that requests work when both heaps are full. */
static char request[CONTROL_REQUEST_BYTES];
static size_t request_length;
static bool request_too_long;

void control_event(const char *json) {
    bench_work_event();
    console_record_begin();
    console_record_piece(json, strlen(json));
    console_record_end();
}

static void record_text(const char *text) { console_record_piece(text, strlen(text)); }

void control_escaped(const char *text, size_t length) {
    for (const char *end = text + length; text < end; text++) {
        unsigned char c = *text;
        if (c == '"' || c == '\\') {
            char pair[2] = {'\\', c};
            console_record_piece(pair, 2);
        } else if (c < ' ') {
            char code[8];
            console_record_piece(code, snprintf(code, sizeof(code), "\\u%04x", c));
        } else {
            console_record_piece(text, 1);
        }
    }
}

static void answer_begin(uint32_t id, const char *rest) {
    char head[48];
    console_record_begin();
    console_record_piece(head, snprintf(head, sizeof(head), "{\"id\":%u,%s", (unsigned)id, rest));
}

void control_answer(uint32_t id, const char *json) {
    answer_begin(id, "\"ok\":true,\"value\":");
    record_text(json != NULL ? json : "null");
    record_text("}");
    console_record_end();
}

void control_error(uint32_t id, const char *text) {
    answer_begin(id, "\"ok\":false,\"error\":\"");
    control_escaped(text, strlen(text));
    record_text("\"}");
    console_record_end();
}

static void on_listening(server_scheme_t scheme, uint16_t port, bool listening) {
    char json[96], us[DECIMAL_BYTES];
    snprintf(json, sizeof json, "{\"event\":\"%s\",\"scheme\":\"%s\",\"port\":%u,\"us\":%s}",
             listening ? "listening" : "stopped", server_scheme_name(scheme), port,
             decimal(board_us(), us));
    control_event(json);
}

void control_event_boot(void) {
    if (server_watch_listening != NULL) {
        server_watch_listening(on_listening);
    }
    char json[160];
    snprintf(json, sizeof(json),
             "{\"event\":\"boot\",\"cause\":\"%s\",\"us\":%u,\"version\":\"%s\"}",
             retained_cause_name(), (unsigned)board_us(), ESPBENCH_VERSION);
    control_event(json);
}

static void verb_ping(uint32_t id, char *arguments) {
    (void)arguments;
    char json[40], us[DECIMAL_BYTES];
    snprintf(json, sizeof(json), "{\"us\":%s}", decimal(board_us(), us));
    control_answer(id, json);
}

static void verb_heap(uint32_t id, char *arguments) {
    (void)arguments;
    char json[320];
    bench_heap_json(json, sizeof(json));
    control_answer(id, json);
}

static void verb_heap_reset(uint32_t id, char *arguments) {
    (void)arguments;
    net_heap_reset_low_water();
    control_answer(id, NULL);
}

static void verb_stats(uint32_t id, char *arguments) {
    (void)arguments;
    static char json[BENCH_STATS_BYTES];
    bench_stats_json(json, sizeof(json));
    control_answer(id, json);
}

/* Parses a decimal number and moves *text behind it and any spaces. */
static bool take_number(char **text, uint32_t *number) {
    char *end;
    unsigned long value = strtoul(*text, &end, 10);
    if (end == *text || (*end != ' ' && *end != '\0')) {
        return false;
    }
    *number = value;
    *text = end + strspn(end, " ");
    return true;
}

static void verb_ballast(uint32_t id, char *arguments) {
    uint32_t bytes;
    if (!take_number(&arguments, &bytes)) {
        control_error(id, "ballast needs a number of bytes, for example: ballast 65536");
        return;
    }
    char json[16];
    snprintf(json, sizeof(json), "%u", (unsigned)ballast_set(bytes));
    control_answer(id, json);
}

static void verb_fail_alloc(uint32_t id, char *arguments) {
    uint32_t number;
    bool known = take_number(&arguments, &number);
    bool always = known && strcmp(arguments, "always") == 0;
    if (!known || (!always && strcmp(arguments, "once") != 0)) {
        control_error(id, "fail_alloc needs a number and once or always, for example: "
                          "fail_alloc 3 once");
        return;
    }
    alloc_faults_arm(number, always);
    control_answer(id, NULL);
}

static void verb_fail_alloc_seen(uint32_t id, char *arguments) {
    (void)arguments;
    char json[64];
    alloc_faults_t seen = alloc_faults_seen();
    snprintf(json, sizeof(json), "{\"allocations\":%u,\"failed\":%u}", (unsigned)seen.allocations,
             (unsigned)seen.failed);
    control_answer(id, json);
}

static void verb_reset(uint32_t id, char *arguments) {
    (void)arguments;
    control_answer(id, NULL);
    board_reset(RESET_HARD);
}

static void verb_panic(uint32_t id, char *arguments) {
    (void)arguments;
    control_answer(id, NULL);
    bench_panic_exception();
}

static void verb_exec(uint32_t id, char *arguments) {
    control_python_request(id, arguments, false);
}

static void verb_eval(uint32_t id, char *arguments) { control_python_request(id, arguments, true); }

static const struct {
    const char *name;
    void (*run)(uint32_t id, char *arguments);
} verbs[] = {
    {"ping", verb_ping},
    {"heap", verb_heap},
    {"heap_reset", verb_heap_reset},
    {"stats", verb_stats},
    {"ballast", verb_ballast},
    {"fail_alloc", verb_fail_alloc},
    {"fail_alloc_seen", verb_fail_alloc_seen},
    {"reset", verb_reset},
    {"panic", verb_panic},
    {"exec", verb_exec},
    {"eval", verb_eval},
};

void control_begin(void) {
    request_length = 0;
    request_too_long = false;
}

void control_byte(int byte) {
    if (request_length < sizeof(request) - 1) {
        request[request_length++] = byte;
    } else {
        request_too_long = true;
    }
}

void control_end(void) {
    if (request_length > 0 && request[request_length - 1] == '\r') {
        request_length--;
    }
    request[request_length] = '\0';
    char *text = request;
    uint32_t id;
    if (!take_number(&text, &id)) {
        control_error(0, "expected: id, a space, a verb and its arguments");
        return;
    }
    if (request_too_long) {
        char sentence[64];
        snprintf(sentence, sizeof(sentence),
                 "the request is longer than %u bytes: send it in parts",
                 (unsigned)sizeof(request) - 1);
        control_error(id, sentence);
        return;
    }
    size_t length = strcspn(text, " ");
    char *arguments = text + length + strspn(text + length, " ");
    for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
        if (strlen(verbs[i].name) == length && memcmp(verbs[i].name, text, length) == 0) {
            verbs[i].run(id, arguments);
            return;
        }
    }
    control_error(id, "unknown verb: see the control channel's documentation");
}
