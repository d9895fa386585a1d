# SPDX-License-Identifier: MIT
"""Reads the recipes from `certs/*.toml`."""

from __future__ import annotations

import functools
import re
import tomllib
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from espbench.certs import builder
from espbench.certs.keys import KINDS
from espbench.certs.pki import Validity
from espbench.certs.recipes import CERT_FILE, KEY_FILE, Expectation, Fails, Recipe, Starts
from espbench.errors import ConfigError
from espbench.util.repository_files import repository_file

__all__ = ["load", "parse"]

OWN = frozenset({"name", "summary", "about", "sentence", "client_error"})
"""Fields of a recipe that the builder does not use."""
SPECIFICATION = frozenset(field.name for field in fields(builder.Specification))
CHOICES: Mapping[str, tuple[str, ...]] = {
    "key": KINDS,
    "issuer": ("root", "self"),
    "format": builder.FORMATS,
}


@functools.cache
def load(name: str) -> tuple[Recipe, ...]:
    """Return the recipes of `certs/NAME.toml`.

    Raises:
        ConfigError: this installation lacks the file, or a recipe in it is invalid.
    """
    path = repository_file(f"certs/{name}.toml")
    return parse(path.read_text(encoding="utf-8"), path)


def parse(text: str, path: Path) -> tuple[Recipe, ...]:
    """Return the recipes in a TOML document.

    Raises:
        ConfigError: the document or a recipe in it is invalid; the message names it.
    """
    try:
        tables = tomllib.loads(text).get("recipe", [])
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path} is not valid TOML ({error}): correct it.") from error
    return tuple(_recipe(table, f"{path}, recipe {table.get('name')!r}") for table in tables)


def _recipe(table: Mapping[str, Any], where: str) -> Recipe:
    if unknown := sorted(table.keys() - OWN - SPECIFICATION):
        known = ", ".join(sorted(OWN | SPECIFICATION))
        raise ConfigError(f"{where}: unknown field {unknown[0]!r}: use one of {known}.")
    for field in ("name", "summary"):
        if field not in table:
            raise ConfigError(f"{where}: the field {field!r} is missing: add it.")
    for field, choices in CHOICES.items():
        if field in table and table[field] not in choices:
            raise ConfigError(
                f"{where}: {field} is {table[field]!r}: use one of {', '.join(choices)}."
            )
    spec = _specification(table, where)
    one_file = spec.defect is not None and spec.defect.kind == "one-file"
    return Recipe(
        name=table["name"],
        summary=table["summary"],
        make=functools.partial(builder.build, spec),
        expectation=_expectation(table, where),
        key_file=CERT_FILE if one_file else KEY_FILE,
        command=spec.command,
    )


def _specification(table: Mapping[str, Any], where: str) -> builder.Specification:
    given = {name: value for name, value in table.items() if name in SPECIFICATION}
    try:
        if "names" in given:
            given["names"] = tuple(given["names"])
        if "validity" in given:
            given["validity"] = Validity(given["validity"]["from"], given["validity"]["until"])
        if "chain" in given:
            given["chain"] = builder.Chain(**given["chain"])
        if "private_key" in given:
            given["private_key"] = builder.PrivateKey(**given["private_key"])
        if "defect" in given:
            given["defect"] = builder.Defect(**given["defect"])
    except (KeyError, TypeError) as error:
        raise ConfigError(
            f"{where}: a table has a wrong field ({error}): see the fields in certs/README.md."
        ) from error
    spec = builder.Specification(**given)
    if spec.chain.sends not in builder.SENDS:
        raise ConfigError(
            f"{where}: chain.sends is {spec.chain.sends!r}: use one of {', '.join(builder.SENDS)}."
        )
    if spec.defect is not None and spec.defect.kind not in builder.DEFECTS:
        raise ConfigError(
            f"{where}: unknown defect {spec.defect.kind!r}: use one of "
            f"{', '.join(builder.DEFECTS)}."
        )
    return spec


def _expectation(table: Mapping[str, Any], where: str) -> Expectation:
    if "sentence" not in table:
        return Starts(table.get("key", "p256"), table.get("client_error"))
    if "client_error" in table:
        raise ConfigError(
            f"{where}: has both sentence and client_error, but no client reaches a server that "
            "does not start: remove one of them."
        )
    if "about" not in table:
        return Fails(table["sentence"])
    return Fails(rf"(?i)^(?=.*{re.escape(table['about'])}).*({table['sentence']})")
