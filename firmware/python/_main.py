"""What runs after _boot: the user's /main.py, else the default application."""

import os


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
    try:
        import bench_app
    except ImportError:
        bench_app = None  # an image without the servers
    if bench_app:
        bench_app.main()
