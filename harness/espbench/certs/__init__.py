# SPDX-License-Identifier: MIT
"""Recipes for good and bad certificates; the generated files are never committed.

>>> from espbench.certs import recipes
>>> recipes()["expired"].expectation
Starts(key='p256', client_error='(?i)expired')
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

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
from espbench.certs.tables import load

__all__ = [
    "BAD",
    "CERT_FILE",
    "GOOD",
    "KEY_FILE",
    "SERVER_NAME",
    "TRUST_FILE",
    "Expectation",
    "Fails",
    "Recipe",
    "Starts",
    "recipes",
]


GOOD = load("good")
"""Pairs with which HTTPS starts, even those that a client refuses."""
BAD = load("bad")
"""Files with which HTTPS must not start."""


def recipes() -> Mapping[str, Recipe]:
    """Return all recipes by name: the good ones, then the bad ones."""
    return MappingProxyType({recipe.name: recipe for recipe in (*GOOD, *BAD)})
