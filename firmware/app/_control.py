# SPDX-License-Identifier: MIT
"""Convert values to JSON for the control channel's eval."""

import json


def value_json(value):
    """Return the value as one line of JSON; its repr() as a string if it has no JSON form."""
    try:
        text = json.dumps(value)
        # MicroPython falls back to str() for what JSON cannot express: trust only what parses.
        json.loads(text)
        return text
    except (TypeError, ValueError):
        return json.dumps(repr(value))
