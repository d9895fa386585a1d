# SPDX-License-Identifier: MIT
"""The command `espbench-exporter`: labgrid's exporter with support for emulated boards."""

from __future__ import annotations

import sys

from espbench.errors import EspbenchError
from espbench.qemu import launcher


def main() -> int:
    """Export the resources in a file until SIGTERM or Ctrl-C; return an exit status."""
    try:
        from labgrid.remote import exporter

        from espbench.lab import exports
    except ModuleNotFoundError as error:
        print(
            f"espbench: espbench-exporter needs labgrid ({error}): pip install 'espbench[lab]'.",
            file=sys.stderr,
        )
        return 1
    exports.register()
    try:
        exporter.main()
    except EspbenchError as error:
        print(f"espbench: {error}", file=sys.stderr)
        return 1
    finally:
        launcher.kill_all()
    return 0


if __name__ == "__main__":
    sys.exit(main())
