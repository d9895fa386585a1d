# SPDX-License-Identifier: MIT
"""`libraries_in`: which of ESP-IDF's servers a firmware contains; needs no ELF file."""

from __future__ import annotations

import functools
from pathlib import Path

from espbench.device.firmware_file import state_of

__all__ = ["ESP_HTTPS_SERVER", "ESP_HTTP_SERVER", "ESP_IDF", "libraries_in"]

ESP_IDF = "esp-idf"
ESP_HTTP_SERVER = "esp_http_server"
ESP_HTTPS_SERVER = "esp_https_server"

_MARKS = {
    ESP_IDF: b"\x32\x54\xcd\xab",  # esp_app_desc_t's magic word (esp_app_format)
    ESP_HTTP_SERVER: b"httpd_txrx",  # the TAG of httpd_txrx.c in the component of this name
    ESP_HTTPS_SERVER: b"esp_https_server",  # that of https_server.c
}
"""What the image of a firmware with a library contains."""


def libraries_in(image: Path) -> frozenset[str]:
    """Return the libraries in an image; none if it cannot be read."""
    return _libraries(image, state_of(image)) if image.is_file() else frozenset()


@functools.lru_cache(maxsize=8)
def _libraries(image: Path, _state: object) -> frozenset[str]:
    content = image.read_bytes()
    return frozenset(name for name, mark in _MARKS.items() if mark in content)
