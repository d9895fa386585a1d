# SPDX-License-Identifier: MIT
"""Modules frozen into every image of board lx60."""

freeze(".", ("_boot.py", "_main.py", "_control.py", "bench_app.py"))
freeze(".", ("page.py", "static_files.py"))
freeze("$(PAGE_DIR)", ("page_data.py",))
freeze(".", ("esp32/__init__.py",))
include("$(MPY_DIR)/extmod/asyncio")
