/* SPDX-License-Identifier: MIT */
#include "session.h"

#include <string.h>

#include "py/mpstate.h"
#include "py/runtime.h"
#include "shared/runtime/interrupt_char.h"
#include "terminal.h"
#include "webserver/port.h"
#include "webserver/server.h"
#include "webserver/text/utf8.h"
#include "webserver/ws/frame.h"
#include "webserver/zeroize.h"

#define GUESTS SERVER_GUESTS
#define QUEUED_MAX 8192     /* bytes of input queued for MicroPython's thread */
#define OUTPUT_HIGH 4096    /* bytes queued for the client above which output waits */
#define BATCH_US 5000       /* how long output may be held back to fill a frame */
#define LOGIN_US 60000000   /* how long the password may take */
#define FORGIVE_US 60000000 /* time after which failures in a row are forgotten */
#define SLOW_US 10000000    /* how long output waits for a slow client */
#define CTRL_C 3
#define NEVER UINT64_MAX

typedef enum {
    GUEST_NONE,
    GUEST_NEW,    /* connected: gets the prompt with the next poll, after the upgrade response */
    GUEST_REFUSE, /* gets the reason with the next poll */
    GUEST_TYPES,
    GUEST_WAITS, /* has sent a password, right or wrong; the answer is delayed */
} guest_state_t;

typedef struct {
    uint16_t code;
    const char *text, *reason;
} refusal_t;

static const refusal_t IN_USE = {WS_CODE_TRY_LATER, "\r\nWebREPL is in use by another client\r\n",
                                 "in use by another client"};
static const refusal_t CROWD = {WS_CODE_TRY_LATER, "\r\nToo many clients without a password\r\n",
                                "too many clients without a password"};
static const refusal_t BUSY = {WS_CODE_TRY_LATER,
                               "\r\nOther passwords are being checked: try again\r\n",
                               "other passwords are being checked"};
static const refusal_t LATE = {WS_CODE_POLICY, "\r\nLogin timed out\r\n", "login time-out"};
static const refusal_t DENIED = {WS_CODE_POLICY, "\r\nAccess denied\r\n", "access denied"};
static const refusal_t BINARY = {WS_CODE_POLICY, "\r\nLog in first\r\n", "log in first"};
static const refusal_t STOPPED = {WS_CODE_GOING_AWAY, "\r\nWebREPL stopped\r\n", "WebREPL stopped"};

typedef struct {
    guest_state_t state;
    transport_client_t client;
    server_item_t *connect; /* for MicroPython's thread, when the password is right */
    uint64_t by;            /* GUEST_TYPES: time-out; GUEST_WAITS: when it gets its answer */
    bool right;
    const refusal_t *refusal;
    webrepl_password_t typed;
} guest_t;

static guest_t guests[GUESTS + 1]; /* the last is for a client that is being refused */
static webrepl_password_t password;
static bool enabled, serves_cli;
static unsigned failures; /* wrong passwords in a row, from any client */
static uint64_t last_failure;

static transport_client_t session;
static transport_client_t leaving; /* closed by us, its ITEM_DISCONNECT is still to come */
static webrepl_activity_t activity;

static char batch[1024];
static size_t batched;
static uint64_t batch_by = NEVER;

static guest_t *find_guest(transport_client_t client) {
    for (int i = 0; i <= GUESTS; i++) {
        if (guests[i].state != GUEST_NONE && guests[i].client == client) {
            return &guests[i];
        }
    }
    return NULL;
}

void webrepl_session_activity(webrepl_activity_t now) { activity = now; }

transport_client_t webrepl_session_client(void) { return session; }

bool webrepl_session_is(transport_client_t client) { return session && client == session; }

bool webrepl_session_is_authenticating(transport_client_t client) {
    const guest_t *guest = find_guest(client);
    return guest && guest->state == GUEST_WAITS;
}

static void send_text(transport_client_t client, const char *text) {
    transport_ws_send(client, true, text, strlen(text));
}

/* ---- output ---- */

static void begin_session(transport_client_t client) {
    session = client;
    batched = 0;
    batch_by = NEVER;
}

/* Sends the batch up to its last whole character. */
static void send_batch(void) {
    size_t whole = utf8_whole(batch, batched), rest = batched - whole;
    batch_by = NEVER;
    if (session && whole) {
        utf8_repair(batch, whole);
        transport_ws_send(session, true, batch, whole);
    }
    if (session) { /* sending may have ended it, and its batch */
        batched = rest;
        memmove(batch, batch + whole, rest);
    }
}

static bool interrupted(void) { return MP_STATE_MAIN_THREAD(mp_pending_exception) != MP_OBJ_NULL; }

/* Waits until enough of the client's queued output was sent. Stops waiting when the program is
 * being interrupted: its output is queued all the same. */
static void wait_for_client(void) {
    uint64_t end = board_us() + SLOW_US;
    while (session && transport_ws_queued(session) > OUTPUT_HIGH && !interrupted()) {
        if (board_us() >= end) {
            server_log("webrepl: the client does not read output: session closed");
            webrepl_session_close(WS_CODE_POLICY, "output was not read");
            return;
        }
        board_wait_event(10000);
    }
}

void webrepl_output_flush(void) {
    if (session && batched) {
        send_batch();
        board_wait_event(0); /* send it now */
        wait_for_client();
    }
}

void webrepl_output(const char *text, size_t length) {
    while (session && length) {
        size_t n = sizeof batch - batched;
        n = n < length ? n : length;
        memcpy(batch + batched, text, n);
        batched += n;
        text += n;
        length -= n;
        if (batched == sizeof batch) {
            webrepl_output_flush();
        } else if (batch_by == NEVER) {
            batch_by = board_us() + BATCH_US;
            board_wait_event(0); /* so that the board sees the new deadline */
        }
    }
}

bool webrepl_output_binary(const void *data, size_t length) {
    webrepl_output_flush();
    wait_for_client();
    return session && transport_ws_send(session, false, data, length);
}

/* ---- guests ---- */

static void free_guest(guest_t *guest) {
    server_item_free(guest->connect);
    zeroize(guest, sizeof *guest); /* it held a password */
}

static void refuse_later(guest_t *guest, const refusal_t *why) {
    guest->state = GUEST_REFUSE;
    guest->refusal = why;
}

static void refuse(guest_t *guest, const refusal_t *why) {
    transport_client_t client = guest->client;
    free_guest(guest);
    send_text(client, why->text);
    transport_ws_close(client, why->code, why->reason);
}

/* A place for one more guest: a free one, or that of the oldest guest that has not sent a password.
 * A guest waiting for its answer keeps its place, because clients that only connect may come more
 * often than the owner. NULL: all guests are waiting for answers. */
static guest_t *guest_place(void) {
    guest_t *oldest = NULL;
    for (int i = 0; i < GUESTS; i++) {
        if (guests[i].state == GUEST_NONE) {
            return &guests[i];
        }
        /* client numbers increase, and may wrap */
        if (guests[i].state != GUEST_WAITS &&
            (!oldest || (int32_t)(guests[i].client - oldest->client) < 0)) {
            oldest = &guests[i];
        }
    }
    if (oldest) {
        refuse(oldest, &CROWD);
    }
    return oldest;
}

/* The place of a refused client until the next poll sends it the reason. */
static guest_t *refusal_place(void) {
    guest_t *guest = &guests[GUESTS];
    if (guest->state != GUEST_NONE) {
        refuse(guest, guest->refusal);
    }
    return guest;
}

static void forget_closed_session(void) {
    if (session && !transport_ws_open(session)) { /* in its close handshake: the place is free */
        leaving = session;
        begin_session(0);
    }
}

static void welcome(server_item_t *item) {
    forget_closed_session();
    const refusal_t *why = session ? &IN_USE : !enabled ? &STOPPED : NULL;
    guest_t *guest = why ? NULL : guest_place();
    if (!guest) {
        guest = refusal_place();
        why = why ? why : &BUSY;
    }
    *guest = (guest_t){.state = GUEST_NEW, .client = item->client, .connect = item};
    if (why) {
        refuse_later(guest, why);
    }
}

/* Called when a guest has typed its line. A wrong password is counted now, so that disconnecting
 * before the answer does not help. A right one waits as long as the wrong ones before it, so that
 * the delay reveals nothing. */
static void check_password(guest_t *guest) {
    uint64_t now = board_us();
    if (now - last_failure > FORGIVE_US) {
        failures = 0;
    }
    guest->right = enabled && webrepl_password_equal(&guest->typed, &password);
    zeroize(&guest->typed, sizeof guest->typed);
    if (!guest->right) {
        failures++;
        last_failure = now;
        server_log("webrepl: wrong password, %u in a row: answered in %u ms", failures,
                   (unsigned)webrepl_password_delay_ms(failures));
    }
    guest->state = GUEST_WAITS;
    guest->by = now + webrepl_password_delay_ms(failures) * 1000ull;
}

/* The guest's password was right. */
static void log_in(guest_t *guest) {
    forget_closed_session();
    if (session) {
        refuse(guest, &IN_USE);
        return;
    }
    transport_client_t client = guest->client;
    server_item_t *item = guest->connect;
    guest->connect = NULL;
    free_guest(guest);
    failures = 0;
    begin_session(client);
    webrepl_terminal_attach(true);
    server_on_websocket(&webrepl_server_module, item);
    for (int i = 0; i <= GUESTS; i++) {
        if (guests[i].state != GUEST_NONE) {
            refuse_later(&guests[i], &IN_USE);
        }
    }
    transport_ws_limit(client, WEBREPL_MESSAGE_MAX);
    send_text(client, "\r\nWebREPL connected\r\n>>> ");
    transport_resume(); /* a client may send more before it gets the answer */
}

/* Sends a guest whatever is due. */
static void serve(guest_t *guest, uint64_t now) {
    if (guest->state == GUEST_REFUSE) {
        refuse(guest, guest->refusal);
    } else if (guest->state == GUEST_NEW) {
        guest->state = GUEST_TYPES; /* first: if sending fails, the guest is gone afterwards */
        guest->by = now + LOGIN_US;
        send_text(guest->client, "Password: ");
        transport_resume();
    } else if (guest->state == GUEST_TYPES && now >= guest->by) {
        refuse(guest, &LATE);
    } else if (guest->state == GUEST_WAITS && now >= guest->by) {
        if (guest->right) {
            log_in(guest);
        } else {
            refuse(guest, &DENIED);
        }
    }
}

void webrepl_session_poll(void) {
    uint64_t now = board_us();
    for (int i = 0; i <= GUESTS; i++) {
        serve(&guests[i], now);
    }
    if (now >= batch_by && transport_ws_queued(session) > OUTPUT_HIGH) {
        /* The client is slow: let the batch fill, then its writer waits. */
        batch_by = now + BATCH_US;
    } else if (now >= batch_by) {
        send_batch();
    }
}

uint64_t webrepl_session_deadline(void) {
    uint64_t by = batch_by;
    for (int i = 0; i <= GUESTS; i++) {
        bool now = guests[i].state == GUEST_NEW || guests[i].state == GUEST_REFUSE;
        uint64_t due = guests[i].state == GUEST_NONE ? NEVER : now ? 0 : guests[i].by;
        by = due < by ? due : by;
    }
    return by;
}

/* ---- input ---- */

static void drop_front(server_item_t *item, size_t count) {
    item->length -= count;
    memmove(item->data, item->data + count, item->length);
}

/* Whether a guest has not logged in yet at the endpoint for webrepl_cli.py. */
static bool is_cli(const guest_t *guest) {
    return serves_cli && route_path_length((const char *)guest->connect->data) == 1; /* "/" */
}

/* Sends nothing, as that could end the connection that is being read. Input after the password is
 * held until the password is answered: webrepl_cli.py asks for the version right away. */
static server_verdict_t guest_message(guest_t *guest, server_item_t *item) {
    if (guest->state == GUEST_NEW || guest->state == GUEST_WAITS) {
        return SERVER_ITEM_WAIT;
    }
    if (guest->state == GUEST_TYPES && !item->text && !is_cli(guest)) {
        refuse_later(guest, &BINARY);
    } else if (guest->state == GUEST_TYPES) {
        bool complete;
        size_t used = webrepl_password_type(&guest->typed, item->data, item->length, &complete);
        zeroize(item->data, used);
        drop_front(item, used);
        if (complete) {
            check_password(guest);
        }
        if (item->length > 0) {
            return SERVER_ITEM_WAIT;
        }
    }
    server_item_free(item);
    return SERVER_ITEM_TAKEN;
}

/* Whether only empty lines precede the first Ctrl-C. */
static bool first_is_alone(const server_item_t *item) {
    size_t i = 0;
    while (item->data[i] == '\r' || item->data[i] == '\n') {
        i++;
    }
    return item->data[i] == CTRL_C;
}

/* Ctrl-C takes effect on arrival, not in its turn in the queue. While code of the session runs, it
 * interrupts that code and is not input. Otherwise it is input that ends the line being typed. It
 * also interrupts the application at an empty prompt, as any terminal of MicroPython does, and when
 * earlier input is queued, because then the application is holding it up. */
static void look_for_interrupt(server_item_t *item, size_t queued) {
    if (!item->text || item->code || !memchr(item->data, CTRL_C, item->length) ||
        mp_interrupt_char != CTRL_C) {
        return;
    }
    item->code = 1; /* seen: a waiting message comes here again */
    if (activity == WEBREPL_RUNS) {
        size_t kept = 0;
        for (size_t i = 0; i < item->length; i++) {
            if (item->data[i] != CTRL_C) {
                item->data[kept++] = item->data[i];
            }
        }
        item->length = kept;
        mp_sched_keyboard_interrupt();
    } else if ((activity == WEBREPL_IDLE && first_is_alone(item)) || queued > 0) {
        mp_sched_keyboard_interrupt();
    }
}

static server_verdict_t session_message(server_item_t *item, size_t queued) {
    look_for_interrupt(item, queued);
    if (item->length == 0) {
        server_item_free(item);
        return SERVER_ITEM_TAKEN;
    }
    return queued == 0 || queued + item->length <= QUEUED_MAX ? SERVER_ITEM_QUEUE
                                                              : SERVER_ITEM_WAIT;
}

static server_verdict_t disconnected(server_item_t *item) {
    if (item->client == leaving || (session && item->client == session)) {
        if (item->client == session) {
            begin_session(0);
        }
        leaving = 0;
        return SERVER_ITEM_QUEUE;
    }
    guest_t *guest = find_guest(item->client);
    if (guest) {
        free_guest(guest);
    }
    server_item_free(item);
    return SERVER_ITEM_TAKEN;
}

server_verdict_t webrepl_session_item(server_item_t *item, size_t queued) {
    if (item->kind == ITEM_DISCONNECT) {
        return disconnected(item);
    }
    if (item->kind == ITEM_CONNECT) {
        if (session && item->client == session) {
            return SERVER_ITEM_QUEUE; /* from log_in() */
        }
        welcome(item);
        return SERVER_ITEM_TAKEN;
    }
    if (session && item->client == session) {
        return session_message(item, queued);
    }
    guest_t *guest = find_guest(item->client);
    if (guest) {
        return guest_message(guest, item);
    }
    server_item_free(item);
    return SERVER_ITEM_TAKEN;
}

/* ---- for MicroPython's thread ---- */

void webrepl_session_close(uint16_t code, const char *reason) {
    transport_client_t client = session;
    if (client) {
        leaving = client;
        begin_session(0);
        transport_ws_close(client, code, reason);
    }
}

void webrepl_session_password(const webrepl_password_t *new_password) {
    enabled = new_password != NULL;
    if (enabled) {
        password = *new_password;
        return;
    }
    zeroize(&password, sizeof password);
    for (int i = 0; i <= GUESTS; i++) {
        if (guests[i].state != GUEST_NONE) {
            refuse(&guests[i], &STOPPED);
        }
    }
    webrepl_session_close(WS_CODE_GOING_AWAY, "WebREPL stopped");
}

void webrepl_session_serve_cli(bool serves) { serves_cli = serves; }

void webrepl_session_forget(void) {
    for (int i = 0; i <= GUESTS; i++) {
        free_guest(&guests[i]);
    }
    begin_session(0);
    leaving = 0;
    activity = WEBREPL_IDLE;
    enabled = false;
    zeroize(&password, sizeof password);
    zeroize(batch, sizeof batch);
}
