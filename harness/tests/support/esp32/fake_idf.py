# SPDX-License-Identifier: MIT
"""A fake ESP-IDF and MicroPython for espbench; the fake logs the commands that it gets."""

from __future__ import annotations

from pathlib import Path

PYTHON = """#!/bin/sh
echo "$PWD: $*" >>"{log}"
env >>"{log}.env"
case "$1" in
*/idf.py)
    {build}
    mkdir -p "$3" && echo "$IDF_PATH" >"$3/micropython.elf" ;;
*/idf_tools.py) {export} ;;
-m) echo "merged by $2 for $4" >"$7" ;;
esac
"""


def script(path: Path, text: str) -> None:
    """Write an executable script."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)


def fake_idf(
    folder: Path, version: tuple[int, int, int] = (5, 4, 1), *, build: str = ":", export: str = ""
) -> Path:
    """Create an ESP-IDF, its tools folder and its Python environment; return its path.

    Args:
        folder: where to create `esp-idf`, `tools` and `log`.
        version: ESP-IDF's version.
        build, export: shell commands to run for `idf.py` and `idf_tools.py export`.
    """
    idf = folder / "esp-idf"
    script(idf / "tools" / "idf.py", "")
    cmake = idf / "tools" / "cmake" / "version.cmake"
    cmake.parent.mkdir()
    parts = zip(("MAJOR", "MINOR", "PATCH"), version, strict=True)
    cmake.write_text("".join(f"set(IDF_VERSION_{part} {number})\n" for part, number in parts))
    compiler = folder / "tools" / "bin"
    script(compiler / "xtensa-esp32-elf-gcc", "#!/bin/sh\necho gcc 14.2.0\n")
    for tool in ("cmake", "ninja"):
        script(compiler / tool, "#!/bin/sh\n")
    export = export or f"echo 'PATH={compiler}:$PATH'; echo IDF_DEACTIVATE_FILE_PATH=x"
    environment = folder / "tools" / "python_env" / f"idf{version[0]}.{version[1]}_py3.11_env"
    text = PYTHON.format(log=folder / "log", build=build, export=export)
    script(environment / "bin" / "python", text)
    return idf


def fake_micropython(folder: Path, version: tuple[int, int, int] = (1, 25, 0)) -> Path:
    """Create MicroPython with an esp32 port; return its path."""
    return fill_micropython(folder / "micropython", version)


def fill_micropython(checkout: Path, version: tuple[int, int, int] = (1, 25, 0)) -> Path:
    """Create MicroPython's sources in a folder; return it."""
    port = checkout / "ports" / "esp32"
    port.mkdir(parents=True)
    (port / "CMakeLists.txt").write_text("project(micropython)\n")
    (checkout / "py").mkdir()
    (checkout / "py" / "py.mk").touch()
    parts = zip(("MAJOR", "MINOR", "MICRO"), version, strict=True)
    (checkout / "py" / "mpconfig.h").write_text(
        "".join(f"#define MICROPY_VERSION_{part} {number}\n" for part, number in parts)
    )
    return checkout
