# SPDX-License-Identifier: MIT
"""The default application, which the bench's scenarios talk to over http, https, ws and wss.

/config.json, if it exists, overrides the keyword arguments of start() by module:
{"httpserver": {"max_https": 2}, "wsserver": {"path": "/chat"}, "webrepl": {"password": "secret"}}
"""

import json
import os
import time

import page
from esp32 import httpserver, webrepl, wsserver

BOARD = os.uname().sysname
if BOARD == "esp32":  # the port's name for every chip; the machine is "NAME with CHIP"
    BOARD = os.uname().machine.split()[-1].lower()
CERTIFICATE = "/certs/servercert.pem"
KEY = "/certs/prvtkey.pem"
PATH = "/ws"
PASSWORD = "espbench"


def _exists(path):
    try:
        os.stat(path)
        return True
    except OSError:
        return False


def _config():
    if not _exists("/config.json"):
        return {}
    try:
        with open("/config.json") as file:
            return json.load(file)
    except ValueError as error:
        print("/config.json is not JSON (%s): starting with the defaults" % error)
        return {}


def _argument(request, name, otherwise):
    for pair in request.query.split("&"):
        key, _, value = pair.partition("=")
        if key == name:
            return int(value)
    return otherwise


def on_hello(request):
    return "hello\n"


def on_echo(request):
    try:
        body = request.body.decode()
    except UnicodeError:
        body = repr(request.body)
    answer = {
        "method": request.method,
        "path": request.path,
        "query": request.query,
        "body": body,
        "secure": request.secure,
    }
    httpserver.send(json.dumps(answer), content_type="application/json")


def on_upload(request):
    httpserver.send(json.dumps({"length": len(request.body)}), content_type="application/json")


def on_big(request):
    httpserver.send(b"x" * _argument(request, "n", 1024), content_type="application/octet-stream")


def on_slow(request):
    time.sleep_ms(_argument(request, "ms", 100))
    return "slow\n"


def on_message(client, data):
    wsserver.send(client, data)


def start():
    """Start all servers; return whether the HTTP server and, with a certificate, HTTPS run."""
    config = _config()
    options = {}
    if _exists(CERTIFICATE) or _exists(KEY):
        # with only one of the two, httpserver.start() reports which is missing
        options = {"cert_file": CERTIFICATE, "key_file": KEY}
    options.update(config.get("httpserver", {}))
    page.start("espbench " + BOARD)
    httpserver.on("/hello", on_hello)
    httpserver.on("/echo", on_echo)
    httpserver.on("/echo", on_echo, "POST")
    httpserver.on("/upload", on_upload, "POST")
    httpserver.on("/big", on_big)
    httpserver.on("/slow", on_slow)
    wsserver.on("message", on_message)
    wsserver.start(**dict({"path": PATH}, **config.get("wsserver", {})))
    repl_options = config.get("webrepl", {})
    webrepl.start(repl_options.pop("password", PASSWORD), **repl_options)
    return httpserver.start(**options)


def main():
    """Serve until Ctrl-C."""
    start()
    while True:
        httpserver.process_queue(100)
        webrepl.process_queue()
