# SPDX-License-Identifier: MIT
"""Finds out whether a firmware needs PSRAM, and which."""

from __future__ import annotations

__all__ = ["OCTAL", "QUAD", "psram_of"]

QUAD, OCTAL = "quad", "octal"

_TAGS = {
    b"\0octal_psram\0": OCTAL,  # components/esp_psram/esp32s3/esp_psram_impl_octal.c
    b"\0quad_psram\0": QUAD,  # components/esp_psram/device/esp_psram_impl_ap_quad.c
    b"\0opi psram\0": OCTAL,  # components/esp_hw_support/port/esp32s3/opiram_psram.c (v4.4)
    b"\0spiram\0": QUAD,  # components/esp_hw_support/port/esp32/spiram.c (v4.4)
}
"""The kind of PSRAM by the log tag of ESP-IDF's driver, which is linked with `CONFIG_SPIRAM`
only."""


def psram_of(image: bytes) -> str:
    """Return the PSRAM that an ESP-IDF firmware drives: "quad", "octal", or "" for none.

    Such a firmware aborts at boot without PSRAM, unless it has `CONFIG_SPIRAM_IGNORE_NOTFOUND`.

    Args:
        image: a merged image or an application.
    """
    return next((kind for tag, kind in _TAGS.items() if tag in image), "")
