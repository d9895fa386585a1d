"""Recipes of good and bad certificates; what they make is never committed.

>>> from espbench.certs import recipes
>>> recipes()["expired"].expectation
Starts(key='p256', client_error='(?i)expired')
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from espbench.certs.bad import BAD
from espbench.certs.good import CLIENT_REFUSES, GOOD, OPENSSL_LINE
from espbench.certs.pki import SERVER_NAME
from espbench.certs.recipes import (
    CERT_FILE,
    KEY_FILE,
    TRUST_FILE,
    Expectation,
    Fails,
    Recipe,
    Starts,
)

__all__ = [
    "BAD",
    "CERT_FILE",
    "CLIENT_REFUSES",
    "GOOD",
    "KEY_FILE",
    "OPENSSL_LINE",
    "SERVER_NAME",
    "TRUST_FILE",
    "Expectation",
    "Fails",
    "Recipe",
    "Starts",
    "recipes",
]


def recipes() -> Mapping[str, Recipe]:
    """Return every recipe by its name: the good ones, then the bad ones."""
    return MappingProxyType({recipe.name: recipe for recipe in (*GOOD, *CLIENT_REFUSES, *BAD)})
