# SPDX-License-Identifier: MIT
"""The device's web page: status, a WebREPL terminal, file upload and download.

    import page
    page.start()

The program itself starts httpserver, and webrepl for the terminal, before or after this.
"""

import gc
import io
import json
import os
import sys
from binascii import hexlify

import httpserver
import page_data
import static_files

try:
    import bench
except ImportError:
    bench = None  # firmware for a real board does not have it

_HEADERS = {
    "Cache-Control": "no-cache",
    "Content-Encoding": "gzip",
    "Content-Security-Policy": page_data.POLICY,
    "ETag": page_data.ETAG,
    "Referrer-Policy": "no-referrer",
    "Vary": "Accept-Encoding",
    "X-Content-Type-Options": "nosniff",
}
_NO_STORE = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}


def _heap():
    if bench is None:
        return {"free": gc.mem_free(), "size": gc.mem_free() + gc.mem_alloc()}
    heap = bench.heap()
    return {name: heap[name] for name in ("size", "free", "low_water")}


def status():
    """Return the figures of /status.json: times in milliseconds, sizes in bytes."""
    info = httpserver.info()
    stats = httpserver.stats()
    for scheme in ("http", "https"):
        if info[scheme]:
            info[scheme]["open"] = stats[scheme]["open"]
    info["heap"] = _heap()
    info["python"] = {"free": gc.mem_free(), "size": gc.mem_free() + gc.mem_alloc()}
    return info


class _Page:
    def __init__(self, name, webrepl_path):
        self.name = name
        # Lets the browser detect a reset of the device, independent of clocks.
        self.boot = hexlify(os.urandom(4)).decode()
        self.webrepl_path = webrepl_path

    def on_page(self, request):
        if not static_files.accepts_gzip(request):
            # curl and the like: the page is for browsers, all of which accept gzip
            httpserver.send(self.name + "\n", headers={"Vary": "Accept-Encoding"})
            return None
        if static_files.matches(request, page_data.ETAG):
            httpserver.send(None, 304, page_data.TYPE, _HEADERS)
            return None
        # BytesIO reads it in place, from flash: only the pieces being sent take memory.
        httpserver.send(io.BytesIO(page_data.PAGE), 200, page_data.TYPE, _HEADERS)
        return None

    def on_status(self, request):
        answer = status()
        answer["name"] = self.name
        answer["boot"] = self.boot
        answer["version"] = "MicroPython %s" % ".".join(str(n) for n in sys.implementation[1][:3])
        answer["webrepl"] = self.webrepl_path
        httpserver.send(json.dumps(answer), 200, "application/json", _NO_STORE)


def start(name=None, uri="/", webrepl_path="/webrepl"):
    """Serve the page, and its figures at status.json beside it, on both http and https.

    name: the device's name on the page; the board's by default.
    uri: where the page is; must end in "/".
    webrepl_path: the path of webrepl.start(), for the terminal.
    """
    if uri[-1:] != "/":
        raise ValueError("uri must end in '/'")
    page = _Page(name or os.uname().machine, webrepl_path)
    httpserver.on(uri, page.on_page)
    httpserver.on(uri + "status.json", page.on_status)
