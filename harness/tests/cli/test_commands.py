# SPDX-License-Identifier: MIT
"""Each command has its own module and appears in the overview."""

from __future__ import annotations

import pkgutil
from importlib import import_module

import espbench.cli
from espbench.cli.main import GROUPS, make_parser

NO_COMMANDS = {"check_progress", "main", "shared"}
PARTS = "espbench.cli.workflow."
"""Modules of `espbench ci`."""


def test_each_module_is_a_command() -> None:
    """The overview lists each module exactly once."""
    modules = pkgutil.walk_packages(espbench.cli.__path__, "espbench.cli.")
    names = [each.name for each in modules if not each.ispkg and not each.name.startswith(PARTS)]
    there = {name.rpartition(".")[2] for name in names} - NO_COMMANDS
    shown = [module.__name__.rpartition(".")[2] for group in GROUPS.values() for module in group]
    assert sorted(shown) == sorted(there)


def test_module_name_is_the_commands() -> None:
    """`espbench NAME` runs `run` of the module NAME."""
    parser = make_parser()
    operands = {"gate": ["--baseline", "b.json"], "replay": ["a.espbench"]}
    for group in GROUPS.values():
        for module in group:
            name = module.__name__.rpartition(".")[2]
            options = parser.parse_args([name, *operands.get(name, [])])
            assert options.action is import_module(module.__name__).run
