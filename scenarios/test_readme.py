"""The README's scenario in ten lines, as it stands there."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from espbench.device import Device

README = Path(__file__).parent.parent / "README.md"


def test_ten_lines(device_factory: Callable[..., Device]) -> None:
    """It passes on a device that starts with what its marker says."""
    text = README.read_text(encoding="utf-8")
    source = re.findall(r"```python\n(import pytest\n.*?)```", text, re.DOTALL)
    assert len(source) == 1
    names: dict[str, object] = {}
    exec(compile(source[0], str(README), "exec"), names)
    scenario = names["test_serves_while_memory_is_short"]
    assert callable(scenario)
    (marker,) = vars(scenario)["pytestmark"]
    scenario(device_factory(**marker.kwargs))
