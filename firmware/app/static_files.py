# SPDX-License-Identifier: MIT
"""Serve files of the file system over HTTP: the implementation of httpserver.static().

A file is streamed in pieces, so its size does not matter. It is sent with a media type according to
its extension and a strong ETag (SHA-256 of its content); If-None-Match gets 304, If-Match 412, and Range
a part of the file. Clients that accept gzip get name.gz instead if it exists.

Never served from any directory: /certs, names that begin with a dot, keys and certificates (*.pem,
*.key, *.crt and the like), and programs (*.py, *.mpy). Directly in "/", configuration (*.json, *.toml
and the like), which may hold passwords, is not served either.
"""

import hashlib
import os
import time
from binascii import hexlify

import httpserver

_DIRECTORY = 0x4000
_SETTLED_S = 2  # a file at least this old gets a new time when it is written again
_ETAGS_MAX = 32

_TYPES = {
    "bin": "application/octet-stream",
    "css": "text/css; charset=utf-8",
    "csv": "text/csv; charset=utf-8",
    "gif": "image/gif",
    "gz": "application/gzip",
    "htm": "text/html; charset=utf-8",
    "html": "text/html; charset=utf-8",
    "ico": "image/x-icon",
    "jpeg": "image/jpeg",
    "jpg": "image/jpeg",
    "js": "text/javascript; charset=utf-8",
    "json": "application/json",
    "map": "application/json",
    "md": "text/markdown; charset=utf-8",
    "mjs": "text/javascript; charset=utf-8",
    "mp3": "audio/mpeg",
    "mp4": "video/mp4",
    "pdf": "application/pdf",
    "png": "image/png",
    "svg": "image/svg+xml",
    "txt": "text/plain; charset=utf-8",
    "wasm": "application/wasm",
    "wav": "audio/wav",
    "webmanifest": "application/manifest+json",
    "webp": "image/webp",
    "woff": "font/woff",
    "woff2": "font/woff2",
    "xml": "application/xml",
    "zip": "application/zip",
}
_SECRET = ("pem", "key", "der", "p8", "p12", "pfx", "jks", "crt", "cer", "csr", "py", "mpy")
_CONFIGURATION = ("json", "toml", "ini", "cfg", "conf", "yaml", "yml", "bak")

_etags = {}  # path: (size, time, ETag)


def _ending(name):
    _, dot, ending = name.rpartition(".")
    return ending.lower() if dot else ""


def media_type(name):
    """Return the media type according to the name's extension."""
    return _TYPES.get(_ending(name), "application/octet-stream")


def _decoded(segment):
    """Return a path segment with its %XX decoded, or None when it is malformed."""
    if "%" not in segment:
        return segment
    pieces = segment.encode().split(b"%")
    out = bytearray(pieces[0])
    for piece in pieces[1:]:
        digits = piece[:2]
        # int() would also accept "+1" and " 1"
        if len(digits) < 2 or any(d not in b"0123456789abcdefABCDEF" for d in digits):
            return None
        out.append(int(digits, 16))
        out.extend(piece[2:])
    try:
        return str(out, "utf-8")
    except UnicodeError:
        return None


def segments(path):
    """Return the names in a request's path, or None when one cannot be a file name.

    The path is split first and each segment decoded once; anything but a plain name is then
    refused, so no encoding can lead out of the directory. The last name is "" when the path ends
    in "/".
    """
    names = []
    raw = path.split("/")
    for i, piece in enumerate(raw):
        name = _decoded(piece)
        if name is None:
            return None
        if name == "" and i + 1 < len(raw):
            return None
        # FAT treats "a." and "a " as "a"; a leading dot covers "." and ".."
        if name and (name[0] == "." or name[-1] in ". "):
            return None
        # FAT has a second name for each file, such as CONFIG~1.JSO, which would hide its ending
        _, tilde, number = name.partition("~")
        if tilde and number[:1].isdigit():
            return None
        for c in name:
            if c in "/\\:" or ord(c) < 32 or ord(c) == 127:
                return None
        names.append(name)
    return names


def is_private(path):
    """Return whether a file must never be served, from any directory."""
    names = path.lower().split("/")[1:]
    ending = _ending(names[-1])
    if ending == "gz":
        ending = _ending(names[-1][:-3])
    if names[0] == "certs" or ending in _SECRET:
        return True
    return len(names) == 1 and ending in _CONFIGURATION


def _stat(path):
    try:
        return os.stat(path)
    except OSError:
        return None


def _file_stat(path):
    stat = None if is_private(path) else _stat(path)
    return None if stat is None or stat[0] & _DIRECTORY else stat


def _digest(path):
    sha = hashlib.sha256()
    piece = bytearray(1024)
    view = memoryview(piece)
    with open(path, "rb") as file:
        while n := file.readinto(piece):
            sha.update(view[:n])
    return '"%s"' % hexlify(sha.digest()[:12]).decode()


def _etag(path, stat):
    size, changed = stat[6], stat[8]
    known = _etags.get(path)
    if known and known[0] == size and known[1] == changed:
        return known[2]
    etag = _digest(path)
    # The time's resolution is one second: a file that changed just now may change again unnoticed.
    # (A time in the future comes from a clock that was set before the last start.)
    if abs(time.time() - changed) >= _SETTLED_S:
        if len(_etags) >= _ETAGS_MAX:
            _etags.clear()
        _etags[path] = (size, changed, etag)
    return etag


def accepts_gzip(request):
    """Return whether Accept-Encoding accepts gzip (RFC 9110, 12.5.3): a weight of 0 excludes it."""
    header = request.headers.get("accept-encoding", "")
    weights = {}
    if isinstance(header, str):
        for item in header.lower().split(","):
            coding, _, parameters = item.partition(";")
            name, _, weight = parameters.partition("=")
            zero = name.strip() == "q" and not weight.strip().strip("0.")
            weights[coding.strip()] = not zero
    return weights.get("gzip", weights.get("x-gzip", weights.get("*", False)))


def _lists(header, etags):
    return isinstance(header, str) and any(item.strip() in etags for item in header.split(","))


def matches(request, etag):
    """Return whether If-None-Match lists this ETag (RFC 9110, 13.1.2; weak comparison)."""
    return _lists(request.headers.get("if-none-match"), ("*", etag, "W/" + etag))


def fails(request, etag):
    """Return whether there is an If-Match without this ETag (RFC 9110, 13.1.1; strong comparison)."""
    header = request.headers.get("if-match")
    return header is not None and not _lists(header, ("*", etag))


def part(request, size, etag):
    """Return the first byte and the length that Range asks for: None for all, () for none (416).

    Range concerns GET alone (RFC 9110, 14.2), and If-Range makes it depend on the ETag (13.1.5).
    What is invalid, in another unit or has several ranges is ignored, which a server may do.
    """
    header = request.headers.get("range")
    if request.method != "GET" or not isinstance(header, str):
        return None
    if request.headers.get("if-range", etag) != etag:
        return None
    unit, _, value = header.partition("=")
    first, dash, last = value.strip().partition("-")
    first, last = first.strip(), last.strip()
    digits = "0" + first + last
    if unit.strip().lower() != "bytes" or not dash or not (first or last) or len(digits) > 20:
        return None
    if not all("0" <= c <= "9" for c in digits) or (first and last and int(last) < int(first)):
        return None
    start = int(first) if first else max(size - int(last), 0)
    end = min(int(last) + 1, size) if first and last else size
    return (start, end - start) if start < end else ()


def _not_found():
    httpserver.send("404 Not Found\n", 404)


def _send(request, path):
    plain, packed = _file_stat(path), _file_stat(path + ".gz")
    if plain is None and packed is None:
        _not_found()
        return
    headers = {"Cache-Control": "no-cache", "X-Content-Type-Options": "nosniff"}
    file, stat = path, plain
    if packed is not None:
        headers["Vary"] = "Accept-Encoding"
        if accepts_gzip(request):
            headers["Content-Encoding"] = "gzip"
            file, stat = path + ".gz", packed
        elif plain is None:
            httpserver.send("406 Not Acceptable: available as gzip only\n", 406, headers=headers)
            return
    etag = headers["ETag"] = _etag(file, stat)
    if fails(request, etag):  # before If-None-Match, and that before Range (RFC 9110, 13.2.2)
        httpserver.send("412 Precondition Failed\n", 412)
        return
    if matches(request, etag):
        headers.pop("Content-Encoding", None)
        httpserver.send(None, 304, media_type(path), headers)
        return
    headers["Accept-Ranges"] = "bytes"
    wanted, size = part(request, stat[6], etag), stat[6]
    if wanted == ():
        headers = {"Content-Range": "bytes */%d" % size}
        httpserver.send("416 Range Not Satisfiable\n", 416, headers=headers)
        return
    stream = open(file, "rb")
    if wanted is None:
        httpserver.send(stream, 200, media_type(path), headers)
        return
    start, length = wanted
    stream.seek(start)
    headers["Content-Range"] = "bytes %d-%d/%d" % (start, start + length - 1, size)
    httpserver.send(stream, 206, media_type(path), headers, length=length)


def _redirect(location):
    httpserver.send(None, 301, headers={"Location": location})


class _Directory:
    def __init__(self, uri, path):
        self.uri = uri  # without a trailing "/"
        self.path = path  # likewise; "" is "/"

    def __call__(self, request):
        path = request.path
        if not isinstance(path, str):
            _not_found()
            return
        if path == self.uri:
            _redirect(path + "/")
            return
        names = segments(path[len(self.uri) + 1 :])
        if names is None:
            _not_found()
            return
        if names[-1] == "":
            names[-1] = "index.html"
        file = self.path + "/" + "/".join(names)
        stat = _stat(file)
        if stat is not None and stat[0] & _DIRECTORY:
            # only with an index, or it would reveal which directories exist
            if _file_stat(file + "/index.html") or _file_stat(file + "/index.html.gz"):
                _redirect(path + "/")
            else:
                _not_found()
            return
        _send(request, file)


def _checked(what, value):
    parts = value.split("/")
    if parts[0] or "." in parts or ".." in parts or "*" in value:
        raise ValueError("%s must be absolute, without ., .. and *" % what)
    value = "/".join(part for part in parts if part)
    return "/" + value if value else ""


def serve(uri, directory):
    """Serve the files below a directory at this URI, for GET and HEAD.

    Raises ValueError when either is not absolute, or the directory holds keys.
    """
    uri, directory = _checked("uri", uri), _checked("directory", directory)
    if directory and is_private(directory + "/x"):
        raise ValueError("%s holds keys: it cannot be served" % directory)
    handler = _Directory(uri, directory)
    httpserver.on(uri + "/*", handler)
    if uri:
        httpserver.on(uri, handler)
