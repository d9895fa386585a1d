# What the control channel runs in MicroPython's thread: `exec` and `eval` of a host's source text.
#
# The C side calls run() through the scheduler, so this works while an application's loop sleeps,
# waits for requests, or sits at the prompt.
import binascii
import io
import json
import sys

import __main__

_GLOBALS = __main__.__dict__


def run(ident, verb, source):
    """Return the whole answer as a line of JSON; source is base64 of UTF-8."""
    try:
        text = str(binascii.a2b_base64(source), "utf-8")
        if verb == "eval":
            answer = _json(eval(text, _GLOBALS))
        else:
            exec(text, _GLOBALS)
            answer = "null"
    except BaseException as error:  # KeyboardInterrupt and SystemExit are answers here too
        return _failure(ident, error)
    return '{"id":%d,"ok":true,"value":%s}' % (ident, answer)


def _failure(ident, error):
    trace = io.StringIO()
    sys.print_exception(error, trace)
    name = type(error).__name__
    text = str(error)
    return '{"id":%d,"ok":false,"error":%s,"traceback":%s}' % (
        ident,
        json.dumps(name + ": " + text if text else name),
        json.dumps(trace.getvalue()),
    )


def _json(value):
    # json.dumps() writes objects that JSON lacks as their repr, unquoted: what does not read back
    # is sent as a string.
    text = json.dumps(value)
    try:
        json.loads(text)
    except ValueError:
        return json.dumps(repr(value))
    return text
