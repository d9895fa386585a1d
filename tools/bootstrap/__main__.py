# SPDX-License-Identifier: MIT
"""Makes a fresh clone ready, then (when asked) becomes the command that follows `--`.

    python3 tools/bootstrap run            # everything that `make run` needs
    python3 tools/bootstrap test -- pytest -n auto

Standard library only. Nothing is done that is done already. This file keeps to syntax that any
Python 3 can read, so that an old one gets a sentence instead of a syntax error.
"""

import sys

LEAST = (3, 11)


def main():  # type: ignore[no-untyped-def]
    """Check Python's version before anything is imported that needs it."""
    if sys.version_info < LEAST:
        sys.stderr.write(
            "espbench: needs Python %d.%d or newer, and %s is %d.%d: install a newer one and name "  # noqa: UP031
            "it, as in: make run PYTHON=python3.12\n"
            % (LEAST + (sys.executable,) + sys.version_info[:2])  # noqa: RUF005
        )
        return 1
    import ready  # the modules beside this file

    return ready.main(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())  # type: ignore[no-untyped-call]
