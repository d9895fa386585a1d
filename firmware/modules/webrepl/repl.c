/* SPDX-License-Identifier: MIT */
#include "repl.h"

#include <string.h>

#include "py/mphal.h"
#include "py/runtime.h"
#include "session.h"

static void put(const char *text, size_t length);
static void put_string(const char *text) { put(text, strlen(text)); }
static void print_strn(void *data, const char *text, size_t length) {
    (void)data;
    put(text, length);
}
static const mp_print_t session_print = {NULL, print_strn};

/* ---- the copy: with other names, and the session as its terminal ---- */

#undef MICROPY_REPL_EVENT_DRIVEN
#define MICROPY_REPL_EVENT_DRIVEN (1)

/* The raw paste window is half of this, sent as two bytes in a text frame. The bytes of 1024 (0x00
 * 0x04) are valid UTF-8, those of the usual 128 would not be. */
#undef MICROPY_REPL_STDIN_BUFFER_MAX
#define MICROPY_REPL_STDIN_BUFFER_MAX (2048)

#define mp_hal_stdout_tx_strn put
#define mp_hal_stdout_tx_str put_string
#define mp_hal_stdin_rx_chr webrepl_stdin_wait

#define readline_init0 webrepl_readline_init0
#define readline_init webrepl_readline_init
#define readline_note_newline webrepl_readline_note_newline
#define readline_process_char webrepl_readline_process_char
#define readline webrepl_readline
#define readline_push_history webrepl_readline_push_history

#define repl webrepl_repl_state
#define repl_line webrepl_repl_line
#define pyexec_mode_kind webrepl_pyexec_mode_kind
#define pyexec_repl_active webrepl_pyexec_repl_active
#define pyexec_event_repl_init webrepl_pyexec_event_repl_init
#define pyexec_event_repl_process_char webrepl_pyexec_event_repl_process_char
#define pyexec_file webrepl_pyexec_file
#define pyexec_file_if_exists webrepl_pyexec_file_if_exists
#define pyexec_frozen_module webrepl_pyexec_frozen_module
#define pyexec_vstr webrepl_pyexec_vstr

#include "shared/runtime/pyexec.c"

/* completions go to the session only; the output of programs also goes to the console */
#define mp_plat_print session_print
#include "shared/readline/readline.c"
#undef mp_plat_print

/* ---- */

static bool quiet;

static void put(const char *text, size_t length) {
    if (!quiet) {
        webrepl_output(text, length);
    }
}

void webrepl_repl_begin(bool print_prompt) {
    MP_STATE_VM(repl_line) = vstr_new(32);
    repl.cont_line = false;
    repl.paste_mode = false;
    pyexec_mode_kind = PYEXEC_MODE_FRIENDLY_REPL;
    quiet = !print_prompt;
    readline_init(MP_STATE_VM(repl_line), mp_repl_get_ps1());
    quiet = false;
}

bool webrepl_repl_type(char c) {
    return (pyexec_event_repl_process_char((unsigned char)c) & PYEXEC_FORCED_EXIT) != 0;
}

void webrepl_repl_set_raw(bool raw) {
    pyexec_mode_kind = raw ? PYEXEC_MODE_RAW_REPL : PYEXEC_MODE_FRIENDLY_REPL;
}

bool webrepl_repl_is_raw(void) { return pyexec_mode_kind == PYEXEC_MODE_RAW_REPL; }

bool webrepl_repl_edits(void) {
    const vstr_t *line = MP_STATE_VM(repl_line);
    return webrepl_repl_is_raw() || repl.paste_mode || (line && line->len > 0);
}

void webrepl_repl_forget(void) {
    MP_STATE_VM(repl_line) = NULL;
    pyexec_mode_kind = PYEXEC_MODE_FRIENDLY_REPL;
    quiet = false;
}
