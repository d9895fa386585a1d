# SPDX-License-Identifier: MIT
"""The words of checks: what each has to do, and what a program must not print for a person.

The tests of each family look at the sentences about its fake servers in the same way.
"""

from __future__ import annotations

import pytest
from espbench.check.diagnosis import libraries, traits
from espbench.check.families import all_checks
from espbench.check.result import labelled
from wording import clumsy


@pytest.mark.parametrize("title", [each.title for each in all_checks()])
def test_titles(title: str) -> None:
    """What a check asks for is a sentence."""
    assert not clumsy(title)


TRAITS = [
    value
    for name, value in vars(traits).items()
    if name.isupper() and not name.startswith("_") and not hasattr(libraries, name)
]


@pytest.mark.parametrize("trait", TRAITS)
def test_traits(trait: str) -> None:
    """What explains a finding is a sentence."""
    assert not clumsy(trait)


@pytest.mark.parametrize(
    ("sentence", "kind"),
    [
        ("Open connections {'CLOSE-WAIT': 5}.", "a dict or a list"),
        ("It chose [4865, 4866].", "a dict or a list"),
        ("An HTTP/1.0 client got (100,).", "a tuple"),
        ("A pong with b'last' was due.", "bytes"),
        ("It sent <Opcode.TEXT: 1>.", "an object"),
        ("Its ServerHello has None.", "None"),
        ("It sends 1 certificates.", "a wrong plural"),
        ("It sends 2 certificate.", "a wrong plural"),
        ("It took a HTTP/1.0 request.", "a wrong article"),
        ("It panicked: unhandled..", "a second full stop"),
        ("It hung", "no full stop"),
        ("it hung.", "a small letter at its beginning"),
    ],
)
def test_clumsy(sentence: str, kind: str) -> None:
    """Each kind is found, and what a device sent is left alone in its quotation marks."""
    assert clumsy(sentence) == [kind]
    assert not clumsy(f"The console says {sentence!r}.")


@pytest.mark.parametrize(
    ("case", "sentence", "expected"),
    [
        ("", "It hung.", "It hung."),
        ("twice", "It hung.", "twice: It hung."),
        ("POST", "A POST hung.", "A POST hung."),
        ("POST", "Three POSTs hung.", "POST: Three POSTs hung."),
        (
            "GET, one chunk",
            "A GET with a body (one chunk) hung.",
            "A GET with a body (one chunk) hung.",
        ),
        ("GET, one chunk", "A GET hung.", "GET, one chunk: A GET hung."),
        ("5.1", "It hung (section 5.5.1).", "5.1: It hung (section 5.5.1)."),
        ("2**32 + 4", "It took 2**32 + 4 for 4.", "It took 2**32 + 4 for 4."),
    ],
)
def test_labels(case: str, sentence: str, expected: str) -> None:
    """A case stands before its sentence, unless the sentence names it."""
    assert labelled(case, sentence) == expected
