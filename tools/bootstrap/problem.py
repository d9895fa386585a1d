# SPDX-License-Identifier: MIT
"""The one error of the bootstrap."""


class Problem(Exception):
    """A message that says what is wrong and what to do next."""
