/* SPDX-License-Identifier: MIT */
/*
 * The WebREPL's clients: prompts, passwords, the single session, Ctrl-C and queued output. All of
 * it runs below MicroPython (network context, see transport.h), so that the owner can log in and
 * interrupt a program that never calls process_queue(). MicroPython's thread sees a session from
 * its login on, as items of its queue: ITEM_CONNECT, ITEM_MESSAGE..., ITEM_DISCONNECT.
 */
#ifndef ESPBENCH_WEBREPL_SESSION_H
#define ESPBENCH_WEBREPL_SESSION_H

#include <stdbool.h>
#include <stddef.h>

#include "auth.h"
#include "webserver/server.h"

/* Largest message in bytes: before the login, so that unknown clients take little memory, and after
 * it. */
#define WEBREPL_LOGIN_MESSAGE_MAX 512
#define WEBREPL_MESSAGE_MAX 16384

/* The registered module, which owns the WebSocket endpoint. */
extern const server_module_t webrepl_server_module;

/* Its functions, see server_module_t. */
server_verdict_t webrepl_session_item(server_item_t *item, size_t queued);
void webrepl_session_poll(void);
uint64_t webrepl_session_deadline(void);

/* Whether this client is the session: it has logged in. */
bool webrepl_session_is(transport_client_t client);

/* Whether this client has sent a password and is waiting for the answer. */
bool webrepl_session_is_authenticating(transport_client_t client);

/* Sets the password. NULL: disconnects all clients and refuses new ones. */
void webrepl_session_password(const webrepl_password_t *password);

/* Whether the endpoint at "/" is for MicroPython's webrepl_cli.py, which sends its password in a
 * binary message. */
void webrepl_session_serve_cli(bool serves);

/* The client of the session, or 0. */
transport_client_t webrepl_session_client(void);

/* Closes the session with this close code; its place is free at once. */
void webrepl_session_close(uint16_t code, const char *reason);

/* Forgets everything; the connections are gone already. */
void webrepl_session_forget(void);

/* What the REPL is doing, which decides what Ctrl-C does. */
typedef enum {
    WEBREPL_IDLE,  /* at an empty prompt: Ctrl-C goes to the application too */
    WEBREPL_EDITS, /* a line or a block is being typed, or the REPL is raw */
    WEBREPL_RUNS,  /* code of the session is running */
} webrepl_activity_t;
void webrepl_session_activity(webrepl_activity_t activity);

/* ---- output: called in MicroPython's thread ---- */

/* Text for the client, batched into frames. Waits for a slow client for a limited time while the
 * network runs, then ends the session. Without a session the text is dropped. */
void webrepl_output(const char *text, size_t length);

/* Sends the batch now instead of in a few milliseconds. */
void webrepl_output_flush(void);

/* Sends one binary frame, after all earlier text. False: the session is gone. */
bool webrepl_output_binary(const void *data, size_t length);

#endif
