# SPDX-License-Identifier: MIT
"""WebREPL: login, prompt, file transfer, sessions."""

import pytest

pytest.register_assert_rewrite(f"{__name__}.clients")
