/* SPDX-License-Identifier: MIT */
/* Prints exceptions of handlers and of REPL code on the console. MicroPython's thread. */
#ifndef ESPBENCH_WEBSERVER_EXCEPTION_H
#define ESPBENCH_WEBSERVER_EXCEPTION_H

#include "webserver/transport.h"

/* Prints an exception (from nlr_buf_t) with its traceback. Printing runs Python code if the
 * exception's class defines __repr__. If that raises an Exception, prints one line instead;
 * anything else (KeyboardInterrupt, SystemExit) is returned, for the caller to raise once it has
 * released its resources. NULL: nothing to raise. */
void *server_print_exception(void *exception);

/* Prints an exception that a handler raised, and counts it as a failure of the scheme. Re-raises
 * anything but an Exception (KeyboardInterrupt, SystemExit). */
void server_handler_failed(void *exception, server_scheme_t scheme);

#endif
