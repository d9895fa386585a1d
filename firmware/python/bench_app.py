# The application that a device runs when it has no main.py: every way in that suites use.
#
# /config.json, when it is there, overrides keyword arguments:
#   {"httpserver": {"max_https": 2, "full": "refuse"}, "wsserver": {...}, "webrepl": {...}}
import json
import os
import time

import httpserver
import webrepl
import wsserver

CERT_FILE = "/certs/servercert.pem"
KEY_FILE = "/certs/prvtkey.pem"
WEBREPL_PASSWORD = "espbench"  # of the bench only: a device on a real network sets its own


def exists(path):
    try:
        os.stat(path)
    except OSError:
        return False
    return True


def load_config(path="/config.json"):
    if not exists(path):
        return {}
    try:
        with open(path) as file:
            return json.load(file)
    except (OSError, ValueError) as error:
        print("%s is not used: %s" % (path, error))
        return {}


def query_value(request, name, default):
    for pair in request.query.split("&"):
        key, _, value = pair.partition("=")
        if key == name:
            try:
                return int(value)
            except ValueError:
                break
    return default


def root(request):
    httpserver.send("espbench %s\n" % os.uname().machine)


def hello(request):
    httpserver.send("hello\n")


def echo(request):
    httpserver.send(
        json.dumps(
            {
                "method": request.method,
                "path": request.path,
                "query": request.query,
                "body": str(request.body, "utf-8"),
                "secure": request.secure,
            }
        ),
        content_type="application/json",
    )


def upload(request):
    httpserver.send(
        json.dumps({"length": len(request.body)}), content_type="application/json"
    )


def big(request):
    httpserver.send(b"x" * query_value(request, "n", 1000))


def slow(request):
    time.sleep_ms(query_value(request, "ms", 1000))
    httpserver.send("slow\n")


def on_message(client, data):
    wsserver.send(client, data)


def start():
    config = load_config()
    options = {}
    if exists(CERT_FILE) or exists(KEY_FILE):
        options["cert_file"] = CERT_FILE
        options["key_file"] = KEY_FILE
    options.update(config.get("httpserver", {}))
    httpserver.on("/", root)
    httpserver.on("/hello", hello)
    httpserver.on("/echo", echo)
    httpserver.on("/echo", echo, method="POST")
    httpserver.on("/upload", upload, method="POST")
    httpserver.on("/big", big)
    httpserver.on("/slow", slow)
    wsserver.on("message", on_message)
    endpoint = {"path": "/ws"}
    endpoint.update(config.get("wsserver", {}))
    wsserver.start(**endpoint)
    session = {"password": WEBREPL_PASSWORD, "path": "/webrepl"}
    session.update(config.get("webrepl", {}))
    webrepl.start(**session)
    return httpserver.start(**options)


def main():
    start()
    while True:
        # Waits in the network's own idle, so a request is served at once and an idle device
        # takes no host CPU.
        httpserver.process_queue(1000)
        webrepl.process_queue()
