/* SPDX-License-Identifier: MIT */
/* Exceptions of handlers and of typed code, on the console. MicroPython's thread. */
#ifndef ESPBENCH_WEBSERVER_EXCEPTION_H
#define ESPBENCH_WEBSERVER_EXCEPTION_H

#include "webserver/transport.h"

/* Prints an exception (as nlr_buf_t has it) with its traceback. Printing runs Python where the
 * exception's class has a __repr__ of its own. If that raises an Exception, the console gets a line
 * instead; anything else (KeyboardInterrupt, SystemExit) is returned for the caller to raise, once
 * it holds nothing. NULL: nothing is to be raised. */
void *server_print_exception(void *exception);

/* Prints an exception that a handler raised, and counts it as a failure of the scheme; raises what
 * is no Exception (KeyboardInterrupt, SystemExit) again. */
void server_handler_failed(void *exception, server_scheme_t scheme);

#endif
