# SPDX-License-Identifier: MIT
"""What runs after _boot: the user's /main.py, else the default application."""

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
    # All that it imports is frozen. To look for each module in the file system first, as a user's
    # program does, takes seconds on a chip that stops both cores for each read.
    _path = sys.path[:]
    sys.path[:] = [".frozen"]
    try:
        import bench_app
    except ImportError:
        bench_app = None  # an image without the servers
    sys.path[:] = _path
    if bench_app:
        bench_app.main()
