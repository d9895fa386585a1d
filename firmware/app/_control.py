# SPDX-License-Identifier: MIT
"""The part of the control channel's eval that is easier in Python."""

import json


def value_json(value):
    """The value as JSON on one line; its repr() as a string if it has no JSON form."""
    try:
        text = json.dumps(value)
        # MicroPython writes what it cannot express as str() of it: only trust what reads back
        json.loads(text)
        return text
    except (TypeError, ValueError):
        return json.dumps(repr(value))
