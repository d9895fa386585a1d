# SPDX-License-Identifier: MIT
"""Host tests of the pure parts of the server modules: C programs under the sanitizers."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from host_c import warning_flags

FIRMWARE = Path(__file__).resolve().parent.parent
MODULES = FIRMWARE / "modules"
TESTS = Path(__file__).resolve().parent

# test program: the sources it is linked with
PROGRAMS = {
    "webserver/queue_test": ["webserver/queue.c"],
    "webserver/routes_test": ["webserver/routes.c"],
    "webserver/base64_test": ["webserver/text/base64.c"],
    "webserver/message_test": ["webserver/http/message.c"],
    "webserver/framing_test": ["webserver/http/framing.c", "webserver/http/message.c"],
    "webserver/ws_handshake_test": [
        "webserver/http/ws_handshake.c",
        "webserver/http/message.c",
        "webserver/text/base64.c",
    ],
    "webserver/frame_test": ["webserver/ws/frame.c", "webserver/text/utf8.c"],
    "webserver/tls/records_test": ["webserver/tls/records.c"],
    "webserver/log_limit_test": ["webserver/log_limit.c"],
    "webserver/tls/client_hello_test": ["webserver/tls/client_hello.c"],
    "webserver/tls/pem_scan_test": ["webserver/tls/pem_scan.c"],
    "webserver/tls/der_scan_test": ["webserver/tls/der_scan.c"],
    "webserver/stats_test": ["webserver/stats.c"],
    "webserver/origin_test": ["webserver/http/origin.c", "webserver/http/authority.c"],
    "webserver/authority_test": ["webserver/http/authority.c"],
    "webserver/target_test": [
        "webserver/http/target.c",
        "webserver/http/authority.c",
        "webserver/http/message.c",
    ],
    "webrepl/login_test": ["webrepl/auth.c"],
    "webserver/utf8_test": ["webserver/text/utf8.c"],
    "webrepl/request_test": ["webrepl/request.c", "webserver/text/utf8.c"],
}

pytestmark = pytest.mark.skipif(shutil.which("gcc") is None, reason="gcc is not installed")


def build(name: str, folder: Path) -> Path:
    """Compile a test program with the address and undefined-behaviour sanitizers."""
    program = folder / Path(name).name
    sources = [TESTS / f"{name}.c", *(MODULES / source for source in PROGRAMS[name])]
    flags = ["-std=gnu11", *warning_flags(), "-g", "-O1"]
    flags += ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
    includes = [f"-I{TESTS}", f"-I{MODULES}"]
    subprocess.run(["gcc", *flags, *includes, "-o", program, *sources], check=True)
    return program


def run(name: str, folder: Path) -> str:
    """Run a test program; fail the test with its message."""
    done = subprocess.run([build(name, folder)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("name", [name for name in PROGRAMS if name != "webserver/stats_test"])
def test_pure_part(name: str, tmp_path: Path) -> None:
    """The C test passes, and the sanitizers report nothing."""
    run(name, tmp_path)


@pytest.mark.parametrize("level", ["-Os", "-O2", "-O3"])
def test_the_password_compare_takes_constant_time(level: str, tmp_path: Path) -> None:
    """It executes as many basic blocks for the right password as for any wrong one."""
    flags = ["-std=gnu11", *warning_flags(), f"-I{TESTS}", f"-I{MODULES}", level]
    compared, program = tmp_path / "login.o", tmp_path / "constant_time_test"
    source = MODULES / "webrepl/auth.c"
    coverage = "-fsanitize-coverage=trace-pc"
    subprocess.run(["gcc", *flags, coverage, "-c", "-o", compared, source], check=True)
    test = TESTS / "webrepl/constant_time_test.c"
    subprocess.run(["gcc", *flags, "-o", program, test, compared], check=True)
    done = subprocess.run([program], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


SECRET = """
#include "webserver/zeroize.h"

size_t use(const char *);

size_t check(void) {
    char secret[64] = "x";
    size_t n = use(secret);
    CLEAR(secret, sizeof secret);
    return n;
}
"""


@pytest.mark.parametrize("level", ["-Os", "-O2", "-O3"])
def test_secrets_are_cleared(level: str, tmp_path: Path) -> None:
    """The compiler omits memset() of memory that nothing reads again, but not zeroize()."""
    source = tmp_path / "secret.c"
    source.write_text(SECRET)

    def instructions(clear: str) -> list[str]:
        command = ["gcc", level, "-S", "-o", "-", f"-I{MODULES}", f"-DCLEAR(p, n)={clear}", source]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        return re.findall(r"^\t[a-z].*", done.stdout, re.MULTILINE)

    not_at_all = instructions("(void)0")
    assert instructions("memset(p, 0, n)") == not_at_all
    assert len(instructions("zeroize(p, n)")) > len(not_at_all)


def test_statistics_are_json_with_the_keys_of_the_contract(tmp_path: Path) -> None:
    """server_stats_json() writes one JSON object with every key that the harness reads."""
    stats = json.loads(run("webserver/stats_test", tmp_path))
    assert set(stats) == {
        "http", "https", "handshakes", "requests", "responses", "websocket", "queue",
        "alloc_failures", "failures",
    }  # fmt: skip
    assert stats["https"] == {
        "open": 3, "accepted": 0, "purged": 0, "refused": 0, "closed": 0, "errors": 0,
    }  # fmt: skip
    assert stats["handshakes"] == {"ok": 0, "resumed": 0, "failed": 0, "timeout": 0}
    assert stats["responses"]["200"] == 2
    assert len(stats["responses"]) == 24
    assert stats["queue"] == {"depth": 1, "max": 2, "full": 3}
    assert stats["failures"] == {"tls_alert": 4, "ws_close_timeout": 1}
    assert stats["alloc_failures"] == 7
