# SPDX-License-Identifier: MIT
"""Modules frozen into the images of the ESP32 boards, besides the page (see board.cmake)."""

freeze("python", ("_boot.py", "_esp32.py", "_network.py"))
freeze("../../app", ("_main.py", "_control.py", "bench_app.py", "page.py", "static_files.py"))
freeze("$(PORT_DIR)/modules", ("flashbdev.py",))
include("$(MPY_DIR)/extmod/asyncio")
