# SPDX-License-Identifier: MIT
"""A git repository that stands in for ESP-IDF, with installers that fail on request."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from espbench.util.idf_tools import IDF_TAG
from fake_idf import script

QEMU = "tools/qemu-xtensa/esp_develop_9.2.2_20260417/qemu/bin/qemu-system-xtensa"
"""Where the stand-in for idf_tools.py installs QEMU, below IDF_TOOLS_PATH."""

INSTALL = r"""#!/usr/bin/env bash
echo "install.sh $* in $IDF_TOOLS_PATH as ${VIRTUAL_ENV:-no environment}" >>"$STAND_IN/log"
case "$(cat "$STAND_IN/install")" in
fails) echo "Installing"; echo "ERROR: tool gcc has no version for this machine" >&2; exit 1 ;;
offline) echo "ERROR: <urlopen error [Errno -2] Name or service not known>" >&2; exit 1 ;;
killed) kill -9 $$ ;;
hangs) echo here >"$STAND_IN/started"; read -r line <"$STAND_IN/goes-on" ;;
esac
environment="$IDF_TOOLS_PATH/python_env/idf5.5_py3.11_env/bin"
mkdir -p "$environment" "$IDF_TOOLS_PATH/compiler"
printf '#!/bin/sh\necho "PATH=%s:$PATH"\n' "$IDF_TOOLS_PATH/compiler" >"$environment/python"
printf '#!/bin/sh\necho gcc 14.2.0\n' >"$IDF_TOOLS_PATH/compiler/xtensa-esp32-elf-gcc"
chmod +x "$environment/python" "$IDF_TOOLS_PATH/compiler/xtensa-esp32-elf-gcc"
echo "All done!"
"""

IDF_TOOLS = r"""
import os, pathlib, sys
base = pathlib.Path(os.environ["STAND_IN"])
where = pathlib.Path(os.environ.get("IDF_TOOLS_PATH") or pathlib.Path.home() / ".espressif")
with (base / "log").open("a") as log:
    print("idf_tools.py", *sys.argv[1:], "in", where, file=log)
mode = (base / "tools").read_text()
if mode == "fails":
    sys.exit("ERROR: Failed to verify the checksum of qemu-xtensa.tar.xz")
if mode == "full":
    raise OSError(28, "No space left on device")
qemu = where / "{QEMU}"
qemu.parent.mkdir(parents=True, exist_ok=True)
loader = "error while loading shared libraries: libSDL2-2.0.so.0: cannot open shared object file"
qemu.write_text(
    f"#!/bin/sh\necho '{loader}: No such file' >&2\nexit 127\n" if mode == "broken"
    else "#!/bin/sh\necho 'QEMU emulator version 9.2.2'\necho 'esp32  it'; echo 'esp32s3  it'\n"
)
qemu.chmod(0o755)
"""

GIT = r"""#!/bin/sh
echo "git $*" >>"$STAND_IN/git-log"
case "$(cat "$STAND_IN/git") $*" in
offline*fetch*) echo "fatal: unable to access 'https://x/': Could not resolve host: x" >&2
    exit 128 ;;
cut*fetch*) echo "fatal: early EOF" >&2; exit 128 ;;
full*checkout*) echo "fatal: cannot create directory at 'x': No space left on device" >&2
    exit 128 ;;
killed*checkout*) touch .git/index.lock; kill -9 $$ ;;
half*submodule*)
    mkdir -p .git/modules/part/objects .git/modules/part/hooks components/part
    echo "ref: refs/heads/master" >.git/modules/part/HEAD
    : >.git/modules/part/config.lock
    echo "gitdir: ../../.git/modules/part" >components/part/.git
    kill -9 $$ ;;
esac
exec {git} "$@"
"""


def git(folder: Path, *arguments: str) -> None:
    """Run git in a folder."""
    who = ("-c", "user.name=x", "-c", "user.email=x@example.com")
    command = ["git", *who, "-c", "protocol.file.allow=always", *arguments]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)


def mirror(folder: Path) -> Path:
    """Create a repository that has ESP-IDF's pinned tag, with a submodule; return its path."""
    part, idf = folder / "part", folder / "esp-idf"
    for made in (part, idf):
        made.mkdir(parents=True)
        git(made, "init", "--quiet", "--initial-branch=master")
    (part / "file").write_text("part\n")
    script(idf / "install.sh", INSTALL)
    script(idf / "tools" / "idf_tools.py", IDF_TOOLS.replace("{QEMU}", QEMU))
    script(idf / "tools" / "idf.py", "")
    version = "".join(f"set(IDF_VERSION_{p} 5)\n" for p in ("MAJOR", "MINOR", "PATCH"))
    (idf / "tools" / "cmake").mkdir()
    (idf / "tools" / "cmake" / "version.cmake").write_text(version)
    (idf / "components").mkdir()
    (idf / "components" / "large").write_text("large\n")
    git(part, "add", ".")
    git(part, "commit", "--quiet", "-m", "part")
    git(idf, "submodule", "--quiet", "add", "--name", "part", "../part", "components/part")
    git(idf, "add", ".")
    git(idf, "commit", "--quiet", "-m", "idf")
    git(idf, "tag", IDF_TAG)
    return idf


def programs(folder: Path) -> Path:
    """Create a folder for PATH with what Espressif's installers call; return it."""
    real = subprocess.run(["which", "git"], capture_output=True, text=True, check=True).stdout
    script(folder / "git", GIT.replace("{git}", real.strip()))
    for name in ("cmake", "ninja"):
        script(folder / name, "#!/bin/sh\n")
    (folder / "python3").symlink_to(getattr(sys, "_base_executable", sys.executable))
    return folder
