# SPDX-License-Identifier: MIT
"""Run the container files of this project in a container engine, and report which fail.

    .venv/bin/python ci/containers.py                      # every part, with podman or docker
    .venv/bin/python ci/containers.py --parts image up     # some
    .venv/bin/python ci/containers.py --list               # list the parts

Each part is what a user runs: the image of `ci/Dockerfile`, the shell steps of the workflows in the
images that they name, and the services of `docker-compose.yml`. Images that the engine lacks are
pulled; `--debootstrap` creates `debian:12-slim` from this machine's mirror instead.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import http.server
import os
import shlex
import shutil
import ssl
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import chroots
import yaml

TREE = Path(__file__).resolve().parent.parent
DEBIAN = "debian:12-slim"
IMAGE = "espbench"
SUITES = "smoke"
"""What pytest selects (-k) where one suite is enough."""
LOOPBACK = "127.0.0.1"
HTTP_PORT, HTTPS_PORT = 8080, 8443
"""Where `docker compose up up` serves, by default."""
LAST_LINES = 15
FOREIGN = "harness/tests/support/foreign.c"
FOREIGN_MAKEFILE = """\
build/firmware.elf: foreign.c
\tmkdir -p build
\txtensa-lx106-elf-gcc -mlongcalls -mtext-section-literals -Os -ffreestanding -nostdlib \\
\t    -Wl,-Ttext=0x60000000 -DEXTRA=16 foreign.c -o $@
"""
IDF_EXAMPLE = "examples/protocols/http_server/ws_echo_server"
IDF_PROJECT = f"""
cp -r "$IDF_PATH/{IDF_EXAMPLE}/." .
echo 'CONFIG_ETH_USE_OPENETH=y
CONFIG_EXAMPLE_CONNECT_ETHERNET=y
CONFIG_EXAMPLE_CONNECT_WIFI=n
CONFIG_EXAMPLE_USE_OPENETH=y' >> sdkconfig.defaults
common='$ENV{{IDF_PATH}}/examples/common_components/protocol_examples_common'
sed -i "2i set(EXTRA_COMPONENT_DIRS $common)" CMakeLists.txt
"""
"""An ESP-IDF project for QEMU's Ethernet. Its components need no component manager."""


class NotPossible(Exception):
    """A message that says why the parts cannot run here."""


@dataclass(frozen=True)
class Engine:
    """A container engine.

    Attributes:
        program: `podman`, `docker` or another with their command line.
        options: global options, in front of the command.
        limits: options of `run` and `build`, such as `--ulimit`.
        mounts: further options of `run`.
        compose: the command of Compose, complete with its options.
    """

    program: str
    options: tuple[str, ...]
    limits: tuple[str, ...]
    mounts: tuple[str, ...]
    compose: tuple[str, ...]

    def command(self, *arguments: str) -> list[str]:
        """Return a command; pure."""
        return [self.program, *self.options, *arguments]

    def run(self, image: str, script: str, *options: str) -> list[str]:
        """Return the command that runs a shell script in a new container; pure."""
        here = ("run", "--rm", "--init", "--network", "host", *self.limits, *self.mounts, *options)
        return self.command(*here, image, "bash", "-c", f"set -e\n{script}")

    def has(self, image: str) -> bool:
        """Return whether the engine has an image."""
        found = subprocess.run(self.command("image", "inspect", image), capture_output=True)
        return found.returncode == 0


@dataclass(frozen=True)
class Place:
    """Where the parts run.

    Attributes:
        engine: the container engine.
        work: a folder for projects and logs.
        wheel: the URL of this tree's wheel.
    """

    engine: Engine
    work: Path
    wheel: str

    def project(self, name: str) -> Path:
        """Return a new, empty project."""
        folder = self.work / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        return folder


def image(place: Place, log: Path) -> int:
    """Build ci/Dockerfile, and run a suite in an empty project."""
    engine, folder = place.engine, place.project("image")
    build = engine.command("build", "--network", "host", *engine.limits, "--tag", IMAGE)
    build += ["--build-arg", f"ESPBENCH={place.wheel}", str(TREE / "ci")]
    test = (
        f"pytest --espbench -k {SUITES} --junitxml=result.xml && grep 'failures=\"0\"' result.xml"
    )
    return run(build, log) or run(engine.run(IMAGE, test, "-v", f"{folder}:/project"), log)


def lx60_workflow(place: Place, log: Path) -> int:
    """Run the steps of ci/espbench-lx60.yml on a project with a web server for `lx60`."""
    folder = place.project("lx60-workflow")
    shutil.copy(TREE / FOREIGN, folder)
    (folder / "Makefile").write_text(FOREIGN_MAKEFILE)
    data = read(TREE / "ci" / "espbench-lx60.yml")
    baseline = 'espbench gate --board "$BOARD" --firmware "$FIRMWARE" --ready-console="$READY" '
    baseline += '--ports="$PORTS" --baseline "$BASELINE" --update'
    script = steps(data, {"Test the firmware": f'test -e "$BASELINE" || {baseline}'})
    return _workflow(place, folder, data, script, log)


def workflow(place: Place, log: Path) -> int:
    """Run the steps of ci/espbench.yml on an example of ESP-IDF, with a new baseline."""
    folder = place.project("workflow")
    data = read(TREE / "ci" / "espbench.yml")
    update = 'espbench check "$FIRMWARE" $OPTIONS --baseline "$BASELINE" --update || test $? -eq 1'
    script = IDF_PROJECT + steps(data, {"Check the firmware": update})
    options = {"OPTIONS": "--only boot --only http.head --only websocket.close"}
    return _workflow(place, folder, data, script, log, options)


def compose_test(place: Place, log: Path) -> int:
    """Run a suite on `esp32` in the service `test` of docker-compose.yml."""
    test = ["run", "--rm", "-T", "-e", "ESPBENCH_BOARDS=esp32", "test"]
    return run([*place.engine.compose, *test, "make", "test", f"ARGS=scenarios -k {SUITES}"], log)


def compose_up(place: Place, log: Path) -> int:
    """Start the service `up` of docker-compose.yml; ask its device over HTTP and HTTPS."""
    status = run([*place.engine.compose, "up", "--detach", "up"], log)
    try:
        return status or _answers(log, 1800)
    finally:
        run([*place.engine.compose, "logs", "up"], log)
        run([*place.engine.compose, "down"], log)


PARTS: Mapping[str, Callable[[Place, Path], int]] = {
    "image": image,
    "lx60-workflow": lx60_workflow,
    "workflow": workflow,
    "compose-test": compose_test,
    "compose-up": compose_up,
}


def read(path: Path) -> dict[str, Any]:
    """Return a workflow."""
    data: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return data


def steps(data: Mapping[str, Any], before: Mapping[str, str]) -> str:
    """Return a workflow's shell steps as one script; pure.

    Args:
        data: the workflow, with one job named espbench.
        before: commands to insert, by the name of the step that follows them.
    """
    lines = []
    for step in data["jobs"]["espbench"]["steps"]:
        if "run" in step and "failure()" not in step.get("if", ""):
            lines += [f"echo {shlex.quote('== ' + step['name'])}", before.get(step["name"], "")]
            lines += [step["run"], 'PATH=$(tac "$GITHUB_PATH" | paste -sd:):$PATH']
    return "\n".join(lines)


def _workflow(
    place: Place,
    folder: Path,
    data: Mapping[str, Any],
    script: str,
    log: Path,
    changes: Mapping[str, str] | None = None,
) -> int:
    variables = {
        **data["env"],
        **(changes or {}),
        "ESPBENCH": place.wheel,
        "RUNNER_TEMP": "/tmp",
        "GITHUB_PATH": "/tmp/path",
        "GITHUB_STEP_SUMMARY": "/tmp/summary",
    }
    options = [part for name, value in variables.items() for part in ("-e", f"{name}={value}")]
    options += ["-v", f"{folder}:/project", "-w", "/project"]
    prepared = f"touch /tmp/path /tmp/summary\n{script}\ntest -s /tmp/summary"
    container = data["jobs"]["espbench"]["container"]
    return run(place.engine.run(container, prepared, *options), log)


def run(command: Sequence[str], log: Path) -> int:
    """Run a command with its output in a log; return its status."""
    with log.open("ab") as output:
        output.write(f"$ {shlex.join(command)}\n".encode())
        output.flush()
        return subprocess.run(
            command,
            cwd=TREE,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            check=False,
        ).returncode


def _answers(log: Path, seconds: float) -> int:
    """Ask the device until it answers on both ports; return 0, or 1 when the time is up."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    end = time.monotonic() + seconds
    for url in (f"http://{LOOPBACK}:{HTTP_PORT}/", f"https://{LOOPBACK}:{HTTPS_PORT}/"):
        while True:
            try:
                with urllib.request.urlopen(url, timeout=30, context=context) as answer:
                    line = f"{url} answered {answer.status}\n"
                break
            except OSError as error:
                if time.monotonic() > end:
                    with log.open("a") as output:
                        output.write(f"{url}: {error}\n")
                    return 1
                time.sleep(1)  # nothing reports when a container's port is bound
        with log.open("a") as output:
            output.write(line)
    return 0


@contextlib.contextmanager
def served_wheel(folder: Path) -> Iterator[str]:
    """Build this tree's wheel and serve it on loopback; yield its URL.

    Raises:
        NotPossible: pip could not build it.
    """
    shutil.rmtree(folder, ignore_errors=True)
    command = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "-q",
        "--no-deps",
        "-w",
        str(folder),
        str(TREE),
    ]
    if subprocess.run(command, check=False).returncode:
        raise NotPossible("pip could not build this tree's wheel.")
    (wheel,) = folder.glob("*.whl")
    handler = functools.partial(_Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer((LOOPBACK, 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://{LOOPBACK}:{server.server_port}/{wheel.name}"
        server.shutdown()


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_arguments: object) -> None:
        """Log nothing."""


def debootstrap(engine: Engine, work: Path) -> None:
    """Create `debian:12-slim` from this machine's mirror, unless the engine has it.

    Raises:
        NotPossible: there is no mirror or debootstrap, or the engine refused the image.
    """
    if engine.has(DEBIAN):
        return
    root, log = work / "bookworm", work / "debootstrap.log"
    try:
        chroots.check()
        if not root.exists():
            chroots.bootstrap("bookworm", root, work / "archives", log, 1800)
    except chroots.NotPossible as reason:
        raise NotPossible(str(reason)) from reason
    command = engine.command("import", "-", f"docker.io/library/{DEBIAN}")
    with subprocess.Popen(["tar", "-C", str(root), "-c", "."], stdout=subprocess.PIPE) as archive:
        if subprocess.run(command, stdin=archive.stdout, check=False).returncode:
            raise NotPossible(f"{engine.program} could not import {DEBIAN}.")


def parser() -> argparse.ArgumentParser:
    """Return the command line's parser."""
    result = argparse.ArgumentParser(prog="containers", description=(__doc__ or "").splitlines()[0])
    add = result.add_argument
    add("--parts", nargs="+", choices=PARTS, default=list(PARTS), help="default: all")
    add("--engine", help="podman or docker (default: the first that is installed)")
    add("--engine-options", type=shlex.split, default=[], metavar="OPTIONS", help="its global ones")
    add("--limits", type=shlex.split, default=[], metavar="OPTIONS", help="of run and build")
    add("--mounts", type=shlex.split, default=[], metavar="OPTIONS", help="more options of run")
    add("--compose", type=shlex.split, metavar="COMMAND", help="default: ENGINE compose")
    add("--debootstrap", action="store_true", help=f"create {DEBIAN} instead of pulling it")
    add(
        "--work", type=Path, default=TREE / "build" / "containers", help="default: build/containers"
    )
    add("--list", action="store_true", help="only list the parts")
    return result


def engine_of(options: argparse.Namespace) -> Engine:
    """Return the engine that the options select.

    Raises:
        NotPossible: none is installed, or it does not start.
    """
    names = [options.engine] if options.engine else ["podman", "docker"]
    program = next(filter(shutil.which, names), None)
    if program is None:
        raise NotPossible(
            f"{' or '.join(names)} is not installed: apt-get install --no-install-recommends "
            "podman runc catatonit"
        )
    compose = options.compose or [program, *options.engine_options, "compose"]
    engine = Engine(
        program, *map(tuple, (options.engine_options, options.limits, options.mounts, compose))
    )
    result = subprocess.run(engine.command("info"), capture_output=True, text=True, check=False)
    if result.returncode:
        last = (result.stderr.strip() or "no message").splitlines()[-1]
        raise NotPossible(f"{program} does not work here ({last}): run {program} info.")
    return engine


def main(arguments: Sequence[str]) -> int:
    """Run the parts; return an exit status."""
    options = parser().parse_args(arguments)
    if options.list:
        print("\n".join(f"{name:14} {part.__doc__}" for name, part in PARTS.items()))
        return 0
    work = options.work.absolute()
    work.mkdir(parents=True, exist_ok=True)
    failed = 0
    try:
        engine = engine_of(options)
        if options.debootstrap:
            debootstrap(engine, work)
        with served_wheel(work / "wheel") as wheel:
            for name in options.parts:
                failed += not _part(name, Place(engine, work, wheel))
    except NotPossible as reason:
        print(f"containers: {reason}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    return int(failed > 0)


def _part(name: str, place: Place) -> bool:
    """Run one part; print its verdict, and the end of its log if it failed."""
    log = place.work / f"{name}.log"
    log.unlink(missing_ok=True)
    print(f"containers: {name}", flush=True)
    start = time.monotonic()
    status = PARTS[name](place, log)
    took = f"{time.monotonic() - start:.0f} s"
    if status == 0:
        print(f"containers: {name} passed: {took}", flush=True)
        return True
    lines = log.read_text(errors="replace").splitlines()[-LAST_LINES:]
    print("\n".join(f"    {line}" for line in lines), flush=True)
    print(f"containers: {name} failed: after {took}, see {os.path.relpath(log)}", flush=True)
    return False


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
