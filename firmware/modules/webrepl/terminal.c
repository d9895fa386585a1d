/* SPDX-License-Identifier: MIT */
#include "terminal.h"

#include "extmod/misc.h"
#include "files.h"
#include "py/mperrno.h"
#include "py/mpstate.h"
#include "py/runtime.h"
#include "py/stream.h"
#include "repl.h"
#include "session.h"
#include "shared/readline/readline.h"
#include "shared/runtime/interrupt_char.h"
#include "webserver/exception.h"
#include "webserver/port.h"
#include "webserver/server.h"

#define CODE_SERVICE_RESTART 1012 /* IANA's registry of close codes */
#define GOODBYE_US 1000000        /* how long to wait for the client's close frame */
#define NEXT_CHUNK_US 2000        /* how long to wait for the next piece of a file */

#if !MICROPY_PY_OS_DUPTERM
#error "webrepl needs MICROPY_PY_OS_DUPTERM"
#endif

static server_item_t *item; /* text being typed into the REPL */
static size_t at;
static unsigned running;  /* nesting depth of running session code */
static unsigned sessions; /* number of sessions so far, to detect a new one during a REPL call */
static transport_client_t now; /* the latest session known to this thread */
static unsigned line_depth;    /* the nesting depth that the line being typed belongs to */
static bool taking;            /* a piece of a file is being processed */
static bool reading;           /* the REPL itself is reading a raw paste */

bool webrepl_terminal_runs(void) { return running > 0; }

bool webrepl_terminal_busy(void) { return taking || reading; }

/* ---- the slot of os.dupterm() ---- */

MP_REGISTER_ROOT_POINTER(mp_obj_t webrepl_dupterm_before);

static int read_char(void);

static mp_uint_t stream_write(mp_obj_t self, const void *data, mp_uint_t size, int *error) {
    (void)self, (void)error;
    /* A program reads the raw REPL's responses, which other output would corrupt. */
    if (running || !webrepl_repl_is_raw()) {
        webrepl_output(data, size);
    }
    return size;
}

static mp_uint_t stream_read(mp_obj_t self, void *data, mp_uint_t size, int *error) {
    (void)self;
    int c = -1;
    if (size && running) { /* input() of a program started on the console reads from the console */
        webrepl_output_flush();
        c = read_char();
    }
    if (c < 0) {
        *error = MP_EAGAIN;
        return MP_STREAM_ERROR;
    }
    *(char *)data = (char)c;
    return 1;
}

static mp_uint_t stream_ioctl(mp_obj_t self, mp_uint_t request, uintptr_t arg, int *error) {
    (void)self, (void)error;
    bool readable = running && (item || server_pending_on(QUEUE_REPL));
    return request == MP_STREAM_POLL
               ? arg & (MP_STREAM_POLL_WR | (readable ? MP_STREAM_POLL_RD : 0))
               : 0;
}

static const mp_stream_p_t stream = {
    .read = stream_read,
    .write = stream_write,
    .ioctl = stream_ioctl,
};

static MP_DEFINE_CONST_OBJ_TYPE(webrepl_terminal_type, MP_QSTR_webrepl, MP_TYPE_FLAG_NONE, protocol,
                                &stream);
static const mp_obj_base_t terminal = {&webrepl_terminal_type};

void webrepl_terminal_attach(bool on) {
    mp_obj_t *slot = &MP_STATE_VM(dupterm_objs)[0];
    bool ours = *slot == MP_OBJ_FROM_PTR(&terminal);
    if (on && !ours) {
        MP_STATE_VM(webrepl_dupterm_before) = *slot;
        *slot = MP_OBJ_FROM_PTR(&terminal);
    } else if (!on && ours) {
        *slot = MP_STATE_VM(webrepl_dupterm_before);
        MP_STATE_VM(webrepl_dupterm_before) = MP_OBJ_NULL;
    }
}

/* ---- items ---- */

static void note_activity(void) {
    webrepl_session_activity(running                ? WEBREPL_RUNS
                             : webrepl_repl_edits() ? WEBREPL_EDITS
                                                    : WEBREPL_IDLE);
}

static void drop_item(void) {
    server_item_free(item);
    item = NULL;
    at = 0;
}

static void end_session(void) {
    webrepl_files_abort();
    webrepl_terminal_attach(false);
    now = 0;
}

static void begin_session(transport_client_t client) {
    end_session();
    now = client;
    sessions++;
    webrepl_terminal_attach(true);
    /* The prompt was sent with the login. While code of an earlier session still runs (it may be a
     * whole application), this line belongs to that nesting depth; a new one begins when the code
     * ends. */
    line_depth = running;
    webrepl_repl_begin(false);
}

static void deal_with(const server_item_t *taken) {
    if (taken->kind == ITEM_CONNECT) {
        begin_session(taken->client);
    } else if (taken->kind == ITEM_DISCONNECT) {
        if (taken->client == now) {
            end_session();
        }
    } else {
        webrepl_files_input(taken->data, taken->length);
    }
}

/* Processes an item that is not REPL input. */
static void take(server_item_t *taken) {
    void *volatile raised = NULL; /* must survive setjmp(), as those in type() */
    nlr_buf_t nlr;
    if (nlr_push(&nlr) == 0) {
        taking = true;
        deal_with(taken);
        nlr_pop();
    } else {
        raised = nlr.ret_val;
    }
    taking = false;
    server_item_free(taken);
    if (raised) {
        nlr_jump(raised);
    }
}

/* Takes the next item; REPL text becomes `item`. False: the queue is empty. */
static bool next_item(void) {
    server_item_t *taken = taking ? NULL : server_take(QUEUE_REPL);
    if (!taken) {
        return false;
    }
    if (taken->kind == ITEM_MESSAGE && taken->text) {
        item = taken;
        at = 0;
    } else {
        take(taken);
    }
    return true;
}

static int next_char(void) {
    if (!item) {
        return -1;
    }
    int c = item->data[at++];
    if (at == item->length) {
        drop_item();
    }
    return c;
}

/* The next character for a program that reads, or -1. File transfers continue meanwhile. */
static int read_char(void) {
    if (reading) {
        return -1;
    }
    while (!item && next_item()) {
    }
    return next_char();
}

int webrepl_stdin_wait(void) {
    transport_client_t whose = now;
    webrepl_output_flush();
    for (;;) {
        reading = true; /* leave() resets it when this raises */
        mp_handle_pending(true);
        reading = false;
        while (!item && now == whose && next_item()) {
        }
        if (!now || now != whose) {
            return CHAR_CTRL_C; /* the rest will never come */
        }
        if (item) {
            return next_char();
        }
        board_wait_event(1000000);
    }
}

/* ---- the REPL ---- */

typedef struct {
    mp_obj_dict_t *globals, *locals;
    int interrupt_char;
} context_t;

/* The REPL's code runs in __main__, whatever module calls process_queue(). */
static context_t enter(void) {
    context_t before = {mp_globals_get(), mp_locals_get(), mp_interrupt_char};
    mp_globals_set(&MP_STATE_VM(dict_main));
    mp_locals_set(&MP_STATE_VM(dict_main));
    mp_hal_set_interrupt_char(-1); /* pyexec sets it while code runs */
    running++;
    note_activity();
    return before;
}

static void leave(const context_t *before) {
    running--;
    reading = false;
    mp_hal_set_interrupt_char(before->interrupt_char);
    mp_globals_set(before->globals);
    mp_locals_set(before->locals);
    note_activity();
}

/* Code typed into the session may itself serve the session. Its input must not continue the line
 * that started it, which is still there. */
static void begin_line(unsigned depth) {
    if (line_depth != depth) {
        webrepl_repl_begin(false);
        line_depth = depth;
    }
}

/* Ends the line of nested code that has finished. */
static void end_line(unsigned depth, bool raw) {
    if (line_depth > depth) {
        webrepl_repl_set_raw(raw);
        line_depth = depth;
    }
}

/* Types one character into the REPL. True: a soft reset was requested. */
static bool type(char c) {
    unsigned depth = running;
    volatile unsigned session = sessions;
    volatile bool reset = false;
    bool raw = line_depth == depth && webrepl_repl_is_raw();
    void *raised = NULL;
    context_t before = enter();
    nlr_buf_t nlr;
    if (nlr_push(&nlr) == 0) {
        begin_line(depth);
        reset = webrepl_repl_type(c);
        nlr_pop();
    } else { /* no memory for the line: it is lost, but the session goes on */
        mp_hal_set_interrupt_char(-1);
        raised = server_print_exception(nlr.ret_val);
        session--;
    }
    leave(&before);
    end_line(depth, raw && session == sessions);
    if (raised) {
        nlr_jump(raised);
    }
    if (session != sessions && !running) {
        webrepl_repl_begin(true);
    }
    return reset;
}

/* Closes the session for a restart, and waits a moment for the client's close frame. */
static void say_goodbye(void) {
    transport_client_t client = now;
    webrepl_output_flush();
    webrepl_session_close(CODE_SERVICE_RESTART, "soft reset");
    uint64_t end = board_us() + GOODBYE_US;
    while (client && now == client && board_us() < end) {
        drop_item();
        if (!next_item()) {
            board_wait_event(10000);
        }
    }
    drop_item();
    end_session();
}

/* Types all of the received text. True: a soft reset was requested. */
static bool type_all(void) {
    int c;
    while ((c = next_char()) >= 0) {
        if (type((char)c)) {
            return true;
        }
    }
    return false;
}

int webrepl_terminal_serve(unsigned budget_ms, bool *reset) {
    uint64_t end = board_us() + budget_ms * 1000ull;
    int served = 0;
    *reset = false;
    for (;;) {
        if (item || next_item()) {
            served++;
            if (type_all()) {
                say_goodbye();
                *reset = true;
                break;
            }
        } else if (webrepl_files_busy()) {
            board_wait_event(NEXT_CHUNK_US);
            if (!server_pending_on(QUEUE_REPL)) {
                break;
            }
        } else {
            break;
        }
        if (board_us() >= end) {
            break;
        }
    }
    webrepl_output_flush();
    return served;
}

void webrepl_terminal_forget(void) {
    drop_item();
    end_session();
    webrepl_repl_forget();
    running = line_depth = 0;
    taking = reading = false;
    note_activity();
}
