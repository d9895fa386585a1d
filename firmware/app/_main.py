# SPDX-License-Identifier: MIT
"""Run after _boot: start the user's /main.py, or the default application without one."""

import os
import sys


def _has_main():
    try:
        os.stat("/main.py")
        return True
    except OSError:
        return False


if _has_main():
    with open("/main.py") as _file:
        exec(compile(_file.read(), "main.py", "exec"))
else:
    # All its imports are frozen. Searching the file system for each module first, as for a user's
    # program, takes seconds on a chip that stops both cores for each read.
    _path = sys.path[:]
    sys.path[:] = [".frozen"]
    try:
        import bench_app
    except ImportError:
        bench_app = None  # an image without the servers
    sys.path[:] = _path
    if bench_app:
        bench_app.main()
