# SPDX-License-Identifier: MIT
"""The baseline of a firmware: its known failures and its figures, to be committed beside it."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from espbench.check.result import Figure, Finding, Outcome, Result
from espbench.errors import ConfigError

__all__ = [
    "Baseline",
    "Comparison",
    "Known",
    "Moved",
    "compare",
    "kind_of",
    "merged",
    "read_baseline",
    "write_baseline",
]

HEAD = (
    "# Known failures and figures of this firmware. `espbench check` fails for a new failure or a\n"
    "# worse figure; with --update it rewrites this file.\n"
)


LICENCE = "# SPDX-License-Identifier: "
"""How the line begins that names a file's licence."""


@dataclass(frozen=True, order=True)
class Known:
    """A failure that is known.

    Attributes:
        check: the check's ID.
        case: the check's case, or "".
        severity: a worse one is a new failure.
        sentence: what happened; for readers, not compared.
        kind: which of the check's failures it is, see `kind_of`; "" for any: with a case, and in
            files of earlier versions.
    """

    check: str
    case: str
    severity: str
    sentence: str = field(default="", compare=False)
    kind: str = ""

    def covers(self, found: Known) -> bool:
        """Return whether a failure that was found is this one."""
        same = (self.check, self.case, self.severity) == (found.check, found.case, found.severity)
        return same and self.kind in ("", found.kind)


@dataclass(frozen=True)
class Baseline:
    """The content of a baseline.

    Attributes:
        known: the known failures.
        figures: the figures, by name.
    """

    known: Sequence[Known] = ()
    figures: Mapping[str, Figure] = field(default_factory=dict)


@dataclass(frozen=True)
class Moved:
    """A figure that is not what it was.

    Attributes:
        figure: the figure now.
        before: its value in the baseline.
        worse: whether it got worse by more than the tolerance.
    """

    figure: Figure
    before: Figure
    worse: bool

    def __str__(self) -> str:
        """Return it for a reader."""
        change = self.figure.value - self.before.value
        return f"{self.figure} (before: {self.before.value:,.6g}, {change:+,.6g})"


@dataclass(frozen=True)
class Comparison:
    """Results against a baseline.

    Attributes:
        new: failures that are not known, with their checks' results.
        known: failures that are.
        gone: known failures whose checks ran and did not find them.
        worse, better: figures that moved by more than their tolerance.
        lost: figures of the baseline whose checks ran without measuring them.
    """

    new: Sequence[tuple[Result, Finding]] = ()
    known: Sequence[tuple[Result, Finding]] = ()
    gone: Sequence[Known] = ()
    worse: Sequence[Moved] = ()
    better: Sequence[Moved] = ()
    lost: Sequence[Figure] = ()

    @property
    def passes(self) -> bool:
        """Whether the results pass the gate."""
        return not (self.new or self.worse or self.lost)

    def is_known(self, result: Result) -> bool:
        """Return whether a result failed, and in known ways only."""
        return bool(result.findings) and not any(each is result for each, _ in self.new)


_SENTENCE, _CLAUSE = re.compile(r"[:;.]\s"), re.compile(r",\s")
_VARIES = re.compile(r"'[^']*'|\"[^\"]*\"|\([^)]*\)")
KIND_WORDS = 8
"""Words of a sentence that make its kind at most."""
CLAUSE_WORDS = 4
"""Words of its clauses, separated by commas, that suffice."""


def kind_of(sentence: str) -> str:
    """Return a short name of what a sentence says, without its numbers, names and quotations; pure.

    It tells failures of the same check apart, such as "it-panicked" and "it-restarted".
    """
    words: list[str] = []
    for part in _SENTENCE.split(_VARIES.sub(" ", sentence[:1].lower() + sentence[1:])):
        for clause in _CLAUSE.split(part):
            words += [each for each in (w.strip(",;:.") for w in clause.split()) if _plain(each)]
            if len(words) >= CLAUSE_WORDS:
                break
        if len(words) > 1:
            break
    return "-".join(words[:KIND_WORDS])


def _plain(word: str) -> bool:
    """Return whether a word says something: numbers, units, names and conjunctions do not."""
    return (
        word not in ("and", "or")
        and word.isascii()
        and word.isalpha()
        and word.islower()
        and (len(word) > 1 or word == "a")
    )


def _key(result: Result, finding: Finding) -> Known:
    kind = "" if finding.case else kind_of(finding.sentence)
    return Known(result.id, finding.case, finding.severity.value, finding.sentence, kind)


def compare(before: Baseline, results: Sequence[Result]) -> Comparison:
    """Return the differences between a baseline and results, which may be of some checks only."""
    found = [(result, finding) for result in results for finding in result.findings]
    keys = [_key(*pair) for pair in found]

    def is_known(key: Known) -> bool:
        return any(one.covers(key) for one in before.known)

    ran = _ran(results)
    worse, better = [], []
    figures = {figure.name: figure for result in results for figure in result.figures}
    for name, figure in figures.items():
        old = before.figures.get(name)
        if old is None:
            continue
        change = (figure.value - old.value) * (-1 if old.better == "higher" else 1)
        if change > old.tolerance:
            worse.append(Moved(figure, old, worse=True))
        elif change < -old.tolerance:
            better.append(Moved(figure, old, worse=False))
    lost = [
        figure
        for name, figure in before.figures.items()
        if name not in figures and figure.source in ran and not ran[figure.source].untried
    ]
    return Comparison(
        [pair for pair, key in zip(found, keys, strict=True) if not is_known(key)],
        [pair for pair, key in zip(found, keys, strict=True) if is_known(key)],
        sorted(
            one
            for one in set(before.known)
            if _asked(one, ran) and not any(one.covers(key) for key in keys)
        ),
        worse,
        better,
        lost,
    )


def _ran(results: Sequence[Result]) -> Mapping[str, Result]:
    """Return the results of checks that ran, by ID."""
    skipped = (Outcome.NOT_APPLICABLE, Outcome.ERROR)
    return {result.id: result for result in results if result.outcome not in skipped}


def _asked(one: Known, ran: Mapping[str, Result]) -> bool:
    """Return whether a check ran, and with the case that is known to fail."""
    return one.check in ran and one.case not in ran[one.check].untried


def merged(before: Baseline, results: Sequence[Result]) -> Baseline:
    """Return the baseline that these results make; what did not run keeps what it has."""
    ran = _ran(results)
    found = {_key(result, finding) for result in results for finding in result.findings}
    known = found | {one for one in before.known if not _asked(one, ran)}
    figures = {
        name: figure
        for name, figure in before.figures.items()
        if figure.source not in ran or ran[figure.source].untried
    }
    for result in results:
        for figure in result.figures:
            old = before.figures.get(figure.name)
            tolerance = figure.tolerance if old is None else old.tolerance
            figures[figure.name] = replace(figure, tolerance=tolerance)
    return Baseline(sorted(known), dict(sorted(figures.items())))


def read_baseline(path: Path) -> Baseline:
    """Return a baseline.

    Raises:
        ConfigError: the file cannot be read, or is not a baseline.
    """
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
        known = [
            Known(
                each["check"],
                each["case"],
                each["severity"],
                each["sentence"],
                each.get("kind", ""),
            )
            for each in table.get("known", [])
        ]
        figures = {each["name"]: Figure(**each) for each in table.get("figures", [])}
    except OSError as error:
        raise ConfigError(
            f"The baseline {path} cannot be read ({error.strerror}): write it with --update."
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"The baseline {path} is not valid TOML: {error}.") from None
    except (KeyError, TypeError, AttributeError) as error:
        raise ConfigError(
            f"{path} is not a baseline of espbench check ({error}): write it with --update."
        ) from None
    return Baseline(known, figures)


def write_baseline(path: Path, baseline: Baseline) -> None:
    """Write a baseline in a stable order, and keep the licence line of the file that it replaces.

    Raises:
        OSError: it cannot be written.
    """
    known = [
        {k: v for k, v in vars(one).items() if k != "kind" or v} for one in sorted(baseline.known)
    ]
    parts = [_licence(path) + HEAD, *(_table("known", values) for values in known)]
    parts += [_table("figures", vars(figure)) for figure in baseline.figures.values()]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(parts), encoding="utf-8")


def _licence(path: Path) -> str:
    """Return the first line of a file if it names a licence, else ""."""
    if not path.is_file():
        return ""
    with path.open(encoding="utf-8") as file:
        first = file.readline()
    return first if first.startswith(LICENCE) else ""


def _table(name: str, values: Mapping[str, Any]) -> str:
    lines = [f"[[{name}]]", *(f"{key} = {_value(value)}" for key, value in values.items())]
    return "\n".join(lines) + "\n"


def _value(value: str | float) -> str:
    """Return a TOML string or number; JSON's strings are TOML's basic strings."""
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return f"{value:.6g}"
