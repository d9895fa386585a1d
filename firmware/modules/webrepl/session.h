/* SPDX-License-Identifier: MIT */
/*
 * Who is connected to the WebREPL: prompts, passwords, the one session's place, Ctrl-C and the
 * output on its way to the client. All of it is below MicroPython (network context, see
 * transport.h), so that an owner gets in and can interrupt a program that never calls
 * process_queue(). MicroPython's thread sees the session from its login on, as items of its queue:
 * ITEM_CONNECT, ITEM_MESSAGE..., ITEM_DISCONNECT.
 */
#ifndef ESPBENCH_WEBREPL_SESSION_H
#define ESPBENCH_WEBREPL_SESSION_H

#include <stdbool.h>
#include <stddef.h>

#include "auth.h"
#include "webserver/server.h"

/* Bytes of a message: before the login, so that strangers take no memory, and after it. */
#define WEBREPL_LOGIN_MESSAGE_MAX 512
#define WEBREPL_MESSAGE_MAX 16384

/* The module as it is registered: its WebSocket endpoint belongs to it. */
extern const server_module_t webrepl_server_module;

/* What it registers, see server_module_t. */
server_verdict_t webrepl_session_item(server_item_t *item, size_t queued);
void webrepl_session_poll(void);
uint64_t webrepl_session_deadline(void);

/* Whether this client has logged in and is the session now. */
bool webrepl_session_is(transport_client_t client);

/* Whether this client has sent a password that has not been answered yet. */
bool webrepl_session_is_judging(transport_client_t client);

/* NULL: nobody gets in any more, and whoever is in has to go. */
void webrepl_session_password(const webrepl_password_t *password);

/* Whose session it is; 0: nobody's. */
transport_client_t webrepl_session_client(void);

/* Ends it with this close code; its place is free at once. */
void webrepl_session_close(uint16_t code, const char *reason);

/* Forgets everything; the connections are gone already. */
void webrepl_session_forget(void);

/* What the REPL is doing, for Ctrl-C. */
typedef enum {
    WEBREPL_IDLE,  /* at an empty prompt: Ctrl-C goes to the application too */
    WEBREPL_EDITS, /* a line or a block is being typed, or it is the raw REPL */
    WEBREPL_RUNS,  /* code that came over the session is running */
} webrepl_activity_t;
void webrepl_session_activity(webrepl_activity_t activity);

/* ---- output: called in MicroPython's thread ---- */

/* Text for the client, batched into frames. Waits for a slow client, while the network goes on,
 * but not for ever: then the session ends. Without a session the text is dropped. */
void webrepl_output(const char *text, size_t length);

/* Sends what is batched now instead of in a few milliseconds. */
void webrepl_output_flush(void);

/* One binary frame, behind the text before it. False: the session is gone. */
bool webrepl_output_binary(const void *data, size_t length);

#endif
