"""What runs after _boot: the user's main.py, else the default application."""

import os


def _has_main():
    try:
        os.stat("/main.py")
        return True
    except OSError:
        return False


if _has_main():
    with open("/main.py") as _file:
        _source = _file.read()
    exec(compile(_source, "main.py", "exec"), {"__name__": "__main__"})
else:
    import bench_app

    bench_app.main()
