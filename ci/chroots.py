# SPDX-License-Identifier: MIT
"""Fresh Debian systems in folders: created by debootstrap, entered in separate namespaces.

Commands run in their own mount and PID namespaces, whose first process dies with this one. So their
mounts and processes are gone when the command ends, and also however this program ends. Standard
library only; needs root.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

BASE = ("ca-certificates", "git", "make", "python3")
"""The packages of a user who has cloned the tree and runs `make`."""
USER = "newcomer"
USER_ID = 1000
FORWARDED = re.compile(
    r"(?i)^((http|https|ftp|all|no)_proxy|PIP_(INDEX_URL|EXTRA_INDEX_URL|CERT|TRUSTED_HOST|PROXY|"
    r"DEFAULT_TIMEOUT|CONSTRAINT)|SSL_CERT_(FILE|DIR)|REQUESTS_CA_BUNDLE|CURL_CA_BUNDLE|"
    r"ESPBENCH_(WERROR|DEBIAN_MIRROR|TIME_SCALE))$"
)
"""The caller's variables that a machine gets: access to packages, and CI's strictness."""
APT_SETTINGS = re.compile(r"(?m)^Acquire::(?:https?::.*Proxy|Check-Valid-Until) .*$")
"""Settings of this machine's apt to copy: proxies, and whether an expired mirror is accepted."""
PIP_FILES = ("/etc/pip.conf", "/etc/xdg/pip")
"""pip's system-wide configuration; each user's own is copied as well."""
AUTHORITIES = "/usr/local/share/ca-certificates"
"""Certificate authorities added to this machine."""
NAMESPACES = (
    *("setpriv", "--pdeathsig", "KILL"),
    *("unshare", "--mount", "--propagation", "private"),
    *("--pid", "--fork", "--kill-child", "--"),
)
ENTER = """
set -e
mount -t proc proc "$1/proc"
mount --rbind /dev "$1/dev"
mount --rbind /sys "$1/sys"
shift_from() { while [ "$1" != -- ]; do mkdir -p "$2"; mount --bind "$1" "$2"; shift 2; done; }
root=$1; shift
shift_from "$@"
while [ "$1" != -- ]; do shift; done
shift
exec chroot "$@"
"""
_MIRROR = re.compile(r"https?://[^\s\]]+/debian/?(?=\s|$)")


class NotPossible(Exception):
    """A message that says why this machine cannot create chroots."""


@dataclass(frozen=True)
class Machine:
    """A Debian in a folder.

    Attributes:
        root: the folder.
        shared: folders of this machine, by their mount points in the other.
        variables: the environment of its commands.
    """

    root: Path
    shared: Mapping[str, Path] = field(default_factory=dict)
    variables: Mapping[str, str] = field(default_factory=dict)

    def command(self, script: str, *, user: bool = False) -> list[str]:
        """Return the command that runs a shell script in it, as root or an ordinary user; pure."""
        home = f"/home/{USER}" if user else "/root"
        mounts = [part for to, here in self.shared.items() for part in (here, f"{self.root}{to}")]
        who = [f"--userspec={USER_ID}:{USER_ID}"] if user else []
        variables = {
            "HOME": home,
            "LANG": "C.UTF-8",
            "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            **self.variables,
        }
        return [
            *(*NAMESPACES, "bash", "-c", ENTER, "enter", str(self.root)),
            *(*map(str, mounts), "--", *who, str(self.root), "/usr/bin/env", "-i"),
            *(f"{name}={value}" for name, value in variables.items()),
            *("bash", "-c", f"set -eu; cd; {script}"),
        ]


def run(command: Sequence[str], log: Path, seconds: float) -> int:
    """Run a command with its output in a log; return its status, or 124 if it took too long.

    However this function ends, everything that the command started has ended.
    """
    with log.open("ab") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C reaches only us, and we end the whole group
        )
        try:
            return process.wait(seconds)
        except subprocess.TimeoutExpired:
            output.write(f"\nnewcomer: took more than {seconds:.0f} s\n".encode())
            return 124
        finally:
            _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a PID namespace by killing its first process; wait until the kernel has emptied it."""
    if process.poll() is not None:
        return
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    try:
        first = [int(pid) for pid in children.read_text().split()]
    except OSError:
        first = []
    for pid in first or [process.pid]:
        os.kill(pid, signal.SIGKILL)
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def check() -> None:
    """Check that chroots can be created here.

    Raises:
        NotPossible: not root, no debootstrap, or no namespaces.
    """
    if os.geteuid() != 0:
        raise NotPossible("chroots need root: run this as root.")
    _check_program("unshare", "util-linux")
    probe = [*NAMESPACES, "sh", "-c", "mount -t proc proc /proc"]
    result = subprocess.run(probe, capture_output=True, text=True, check=False)
    if result.returncode:
        raise NotPossible(
            f"this machine does not allow mounts in a namespace ({result.stderr.strip()}): use a "
            "virtual machine, or a container with CAP_SYS_ADMIN."
        )
    _check_program("debootstrap", "debootstrap")


def _check_program(program: str, package: str) -> None:
    if shutil.which(program) is None:
        raise NotPossible(
            f"{program} is not installed: apt-get install --no-install-recommends {package}"
        )


def mirror(texts: Iterable[str]) -> str:
    """Return the first archive in apt's source lists; pure.

    Args:
        texts: contents of `sources.list` and `*.sources` (sources.list(5)).

    Raises:
        NotPossible: they contain none.
    """
    for text in texts:
        for line in text.splitlines():
            if not line.lstrip().startswith("#") and (found := _MIRROR.search(line)):
                return found[0].rstrip("/")
    raise NotPossible(
        "apt's sources name no Debian mirror: set ESPBENCH_DEBIAN_MIRROR to the URL of one."
    )


def mirror_here(apt: Path = Path("/etc/apt")) -> str:
    """Return the mirror to use: the variable's, or else that of this machine's apt.

    Raises:
        NotPossible: there is none.
    """
    if configured := os.environ.get("ESPBENCH_DEBIAN_MIRROR"):
        return configured.rstrip("/")
    paths = [apt / "sources.list", *sorted((apt / "sources.list.d").glob("*"))]
    return mirror(path.read_text(errors="replace") for path in paths if path.is_file())


def bootstrap(suite: str, folder: Path, archives: Path, log: Path, seconds: float) -> None:
    """Create a minimal Debian of a suite with the packages `BASE`, completely or not at all.

    Args:
        suite: its code name, or `testing`.
        folder: the folder to create.
        archives: the folder for downloaded packages.
        log: the file for debootstrap's output.
        seconds: the time limit.

    Raises:
        NotPossible: there is no mirror, or debootstrap failed.
    """
    half = folder.with_name(f"{folder.name}.half")
    shutil.rmtree(half, ignore_errors=True)
    archives.mkdir(parents=True, exist_ok=True)
    command = [
        *(*NAMESPACES, "debootstrap", "--variant=minbase", f"--include={','.join(BASE)}"),
        *(f"--cache-dir={archives}", suite, str(half), mirror_here()),
    ]
    if run(command, log, seconds):
        raise NotPossible(f"debootstrap could not create Debian {suite}: see its output in {log}.")
    configure(half)
    half.rename(folder)


def configure(root: Path, here: Path = Path("/")) -> None:
    """Give a new Debian this machine's access to packages, and an ordinary user."""
    for name in ("/etc/resolv.conf", "/etc/hosts", *PIP_FILES, AUTHORITIES):
        _copy(here / name[1:], root / name[1:])
    own = here / "root/.config/pip/pip.conf"
    for home in ("root", f"home/{USER}"):
        _copy(own, root / home / ".config/pip/pip.conf")
    dump = subprocess.run(["apt-config", "dump"], capture_output=True, text=True, check=False)
    (root / "etc/apt/apt.conf.d/90newcomer").write_text(
        "\n".join([*APT_SETTINGS.findall(dump.stdout), 'APT::Keep-Downloaded-Packages "true";', ""])
    )
    script = f"update-ca-certificates; useradd --uid {USER_ID} --create-home {USER} || true; "
    script += f"chown -R {USER_ID}:{USER_ID} /home/{USER}"
    subprocess.run(
        Machine(root).command(script),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=True,
    )


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target, dirs_exist_ok=True)
    elif source.is_file():
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)


def forwarded(environment: Mapping[str, str]) -> dict[str, str]:
    """Return those of our variables that a machine's commands get; pure."""
    return {name: value for name, value in environment.items() if FORWARDED.match(name)}
