# SPDX-License-Identifier: MIT
"""Set up a fresh clone, then exec the command after `--`, if any.

    python3 tools/bootstrap run            # everything that `make run` needs
    python3 tools/bootstrap test -- pytest -n auto

Standard library only. Steps that are already done are skipped. This file uses only syntax that any
Python 3 can parse, so that an old one prints an error message instead of a syntax error.
"""

import sys

LEAST = (3, 11)


def main():  # type: ignore[no-untyped-def]
    """Check Python's version before importing anything that depends on it."""
    if sys.version_info < LEAST:
        sys.stderr.write(
            "espbench: needs Python %d.%d or newer, but %s is %d.%d: install a newer one and "  # noqa: UP031
            "pass it, as in: make run PYTHON=python3.12\n"
            % (LEAST + (sys.executable,) + sys.version_info[:2])  # noqa: RUF005
        )
        return 1
    import ready  # the modules beside this file

    return ready.main(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())  # type: ignore[no-untyped-call]
