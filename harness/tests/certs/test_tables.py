# SPDX-License-Identifier: MIT
"""`certs/*.toml`, the table of recipes in the README, and `certs/generate.py`."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from espbench.certs import Fails, Recipe, recipes
from espbench.certs.builder import DEFECTS
from espbench.certs.tables import OWN, SPECIFICATION, parse
from espbench.errors import ConfigError

TREE = Path(__file__).resolve().parents[3]
README = TREE / "certs" / "README.md"
FILE = Path("my.toml")


def row(recipe: Recipe) -> str:
    """Return a recipe's row of the README's table."""
    expected = recipe.expectation
    if isinstance(expected, Fails):
        outcome = "HTTPS does not start"
    else:
        outcome = "serves; a client refuses it" if expected.client_error else "serves"
    return f"| `{recipe.name}` | {recipe.summary} | {outcome} |"


def test_readme_has_every_recipe() -> None:
    """The README's table matches the TOML files, in their order."""
    table = README.read_text().split("## Recipes", 1)[1]
    rows = [line for line in table.splitlines() if line.startswith("| `")]
    assert rows == [row(recipe) for recipe in recipes().values()]


def test_readme_has_every_field_and_defect() -> None:
    """The README explains each field of a recipe and each defect."""
    text = README.read_text().split("## Recipes", 1)[0]
    assert set(re.findall(r"`([a-z0-9_-]+)`", text)) >= OWN | SPECIFICATION | DEFECTS.keys()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("recipe = [", "my.toml is not valid TOML"),
        ("[[recipe]]\nname = 'a'", "my.toml, recipe 'a': the field 'summary' is missing"),
        ("[[recipe]]\nname = 'a'\nsummary = 'b'\nkei = 'p256'", "unknown field 'kei': use one of "),
        ("[[recipe]]\nname = 'a'\nsummary = 'b'\nkey = 'p255'", "key is 'p255': use one of "),
        (
            "[[recipe]]\nname = 'a'\nsummary = 'b'\nchain = {length = 2}",
            "a table has a wrong field",
        ),
        (
            "[[recipe]]\nname = 'a'\nsummary = 'b'\nvalidity = {from = 2}",
            "a table has a wrong field",
        ),
        (
            "[[recipe]]\nname = 'a'\nsummary = 'b'\nchain = {sends = 'some'}",
            "chain.sends is 'some': use one of ",
        ),
        (
            "[[recipe]]\nname = 'a'\nsummary = 'b'\ndefect = {kind = 'odd', file = 'key'}",
            "unknown defect 'odd': use one of ",
        ),
        (
            "[[recipe]]\nname = 'a'\nsummary = 'b'\nsentence = 'x'\nclient_error = 'y'",
            "has both sentence and client_error",
        ),
    ],
)
def test_a_wrong_recipe(text: str, message: str) -> None:
    """The error for an invalid recipe names it, its fault and the valid values."""
    with pytest.raises(ConfigError) as caught:
        parse(text, FILE)
    assert message in str(caught.value)


def test_a_recipe_of_ones_own() -> None:
    """A user's document with one recipe gives that recipe; its pattern asks for the file name."""
    (recipe,) = parse(
        "[[recipe]]\nname = 'a'\nsummary = 'b'\ndefect = {kind = 'empty', file = 'key'}\n"
        "about = 'prvtkey.pem'\nsentence = 'empty'",
        FILE,
    )
    assert recipe.files["prvtkey.pem"] == b""
    assert isinstance(recipe.expectation, Fails)
    assert re.search(recipe.expectation.sentence, "HTTPS: /certs/prvtkey.pem is empty")
    assert not re.search(recipe.expectation.sentence, "HTTPS: /certs/servercert.pem is empty")


def test_generate_without_an_install(tmp_path: Path) -> None:
    """The script works in an interpreter that does not have espbench installed."""
    program = (
        "import runpy, sys\n"
        f"sys.path[:] = [p for p in sys.path if not p.endswith('harness')]\n"
        f"sys.argv = ['generate.py', 'expired', '-o', {str(tmp_path)!r}]\n"
        f"runpy.run_path({str(TREE / 'certs' / 'generate.py')!r}, run_name='__main__')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    made = sorted(path.name for path in (tmp_path / "expired").iterdir())
    assert made == [".gitignore", "prvtkey.pem", "servercert.pem", "trust.pem"]
    assert (tmp_path / "expired" / "prvtkey.pem").stat().st_mode & 0o777 == 0o600


def test_generate_an_unknown_recipe() -> None:
    """An unknown recipe is a usage error that lists the known ones."""
    done = subprocess.run(
        [sys.executable, str(TREE / "certs" / "generate.py"), "p255"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "unknown recipe 'p255': choose from p256, " in done.stderr
