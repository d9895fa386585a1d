# SPDX-License-Identifier: MIT
"""The checks of `espbench check` as tests of a firmware project."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

Inner = Callable[..., tuple[int, str]]
READY = ("--espbench-ready-console", "^ready", "--espbench-ready-timeout", "8")
NEVER = ("--espbench-ready-console", "^never", "--espbench-ready-timeout", "5")
OWN = """
def test_of_the_project():
    pass
"""
USES = """
def test_boots(run_check):
    run_check("boot.comes_up")

def test_lacks(run_check):
    run_check("http.head")

def test_unknown(run_check):
    run_check("http.tail")
"""


def counts(output: str) -> dict[str, int]:
    """Return the numbers in pytest's last line."""
    return {
        word: int(number) for number, word in re.findall(r"(\d+) (\w+)", output.splitlines()[-1])
    }


def test_all_checks(inner: Inner) -> None:
    """Each check is a test beside the project's own; what does not apply is skipped."""
    status, output = inner(OWN, "--espbench-check", *READY)
    assert status == 0, output
    found = counts(output)
    assert found["passed"] == 2, output
    assert found["skipped"] > 60
    assert "Nothing answers HTTP" in output


def test_some_checks(inner: Inner) -> None:
    """-k chooses among them by a part of the name; a node ID leaves the project's tests."""
    some = ("--espbench-check", *READY, "--collect-only", "-q")
    node = "scenarios/test_check.py::test_check[{}]"

    def listed(*arguments: str) -> list[str]:
        status, output = inner(OWN, *some, *arguments)
        assert status == 0, output
        return [line for line in output.splitlines() if "::" in line]

    two = [node.format(name) for name in ("http.host", "http.get")]
    assert listed("-k", "http.host or http.get") == two
    of_tls = listed("-k", "tls.")
    assert len(of_tls) > 30
    assert all(line.startswith(node.partition("{")[0] + "tls.") for line in of_tls)
    assert listed(two[1]) == ["test_inner.py::test_of_the_project", two[1]]


def test_some_checks_in_workers(inner: Inner) -> None:
    """pytest-xdist's workers run what was chosen."""
    name = "scenarios/test_check.py::test_check[boot.comes_up]"
    status, output = inner(OWN, "--espbench-check", *READY, name, "-n", "1")
    assert status == 0, output
    assert counts(output)["passed"] == 2, "with the project's own"


@pytest.mark.parametrize("more", [(), ("-n", "1")])
def test_nothing_applies(more: tuple[str, ...], inner: Inner) -> None:
    """A session in which no check applies has checked nothing, so it does not pass."""
    options = ("--espbench-check", "-k", "test_check and (memory.heap or http.get)", *more)
    status, output = inner(OWN, *options, *READY)
    assert status == 1, output
    found = counts(output)
    assert (found["skipped"], found.get("passed")) == (2, None), output
    assert "espbench: Nothing was checked, because no check that was selected applies" in output


def test_some_apply(inner: Inner) -> None:
    """One check that applies is enough."""
    options = ("--espbench-check", "-k", "memory.heap or boot.comes_up")
    status, output = inner(OWN, *options, *READY)
    assert status == 0, output
    assert "Nothing was checked" not in output


def test_fixture(inner: Inner) -> None:
    """A test runs a single check; an unknown one is a sentence."""
    status, output = inner(USES, *READY)
    assert status == 1
    found = counts(output)
    assert (found["passed"], found["skipped"], found["failed"]) == (1, 1, 1), output
    assert (
        "No check is named 'http.tail' (did you mean http.get or http.fields?): use a family"
        in output
    )


def test_does_not_boot(inner: Inner) -> None:
    """A firmware that does not boot fails each test, after a single attempt, with evidence."""
    status, output = inner(USES, *NEVER)
    assert status == 1
    assert counts(output)["failed"] == 3, output
    assert output.count("did not print something that matches '^never' within 5 s") >= 3
    assert re.search(r"evidence: .*boot\.comes_up", output)


def test_what_a_failure_shows(inner: Inner) -> None:
    """The finding comes first, no line of espbench's own code, and the summary has the check."""
    status, output = inner(USES, *NEVER, "-k", "boots or unknown")
    assert status == 1
    _, failures, summary = re.split("=+ (?:FAILURES|espbench: what broke) =+", output)
    assert re.search(r"_ test_boots _+\nboot\.comes_up: .*did not print something", failures)
    assert re.search(r"_ test_unknown _+\nNo check is named 'http\.tail'", failures)
    assert ".py:" not in failures, "there is a traceback"
    assert re.search(
        r"^test_inner\.py::test_boots: boot\.comes_up: .*\n    evidence: evidence/check/boot\.c",
        summary,
        re.MULTILINE,
    )


def test_error_before_any_check(inner: Inner) -> None:
    """A profile that does not exist is one sentence, without a traceback."""
    status, output = inner(USES, *READY, "--espbench-profile", "none.toml", "-k", "boots")
    assert status == 1
    assert "none.toml" in output
    assert ".py:" not in output.partition("= ERRORS =")[2].partition("short test summary")[0]


def test_node_id_of_a_check(inner: Inner) -> None:
    """A node ID that pytest printed for a check can be given to the same command."""
    _, output = inner(OWN, "--espbench-check", *NEVER, "-k", "comes_up")
    [name] = re.findall(r"^FAILED (\S+comes_up\]) - ", output, re.MULTILINE)
    assert f"\n{name}: boot.comes_up: " in output.partition("espbench: what broke")[2]
    status, again = inner(OWN, "--espbench-check", *NEVER, name)
    assert status == 1
    assert f"FAILED {name} - " in again
    assert (counts(again)["failed"], counts(again)["passed"]) == (1, 1), "and the project's own"
    status, again = inner(OWN, "--espbench-check", *NEVER, name.replace("comes_up", "goes_up"))
    assert status == 4
    assert "goes_up] is not a test: copy a node ID of this session's output." in again


def test_known_failure(inner: Inner, tmp_path: Path) -> None:
    """A failure that the baseline has is an expected one."""
    (tmp_path / "check.toml").write_text(
        '[[known]]\ncheck = "boot.comes_up"\ncase = ""\nseverity = "robustness"\nsentence = "x"\n'
    )
    status, output = inner(USES, *NEVER, "--espbench-baseline", "check.toml", "-k", "boots")
    assert status == 0, output
    assert counts(output)["xfailed"] == 1


def test_wrong_profile(inner: Inner, tmp_path: Path) -> None:
    """A mistake in the profile is one sentence."""
    (tmp_path / "espbench.toml").write_text("[limit]\n")
    status, output = inner(USES, *READY, "--espbench-profile", "espbench.toml", "-k", "boots")
    assert status == 1
    assert "espbench.toml:1: limit is unknown: use firmware" in output


def test_board_of_the_firmware(inner: Inner, tmp_path: Path) -> None:
    """Without an option, the board is that of the firmware's chip."""
    image = tmp_path / "merged.bin"
    image.write_bytes(b"\xe9" + bytes(11) + b"\5\0" + bytes(0x2000))
    options = ("--collect-only", "--espbench-firmware", str(image))
    status, output = inner(OWN, *options)
    assert status == 0, output
    assert "espbench: board esp32c3: " in output
    _, output = inner(OWN, *options, "--espbench-board", "lx60")
    assert "espbench: board lx60: " in output
