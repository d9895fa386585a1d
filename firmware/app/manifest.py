# SPDX-License-Identifier: MIT
"""What is frozen into every image."""

freeze(".", ("_boot.py", "_main.py", "_control.py", "bench_app.py"))
freeze(".", ("page.py", "static_files.py"))
freeze("$(PAGE_DIR)", ("page_data.py",))
freeze(".", ("esp32/__init__.py",))
include("$(MPY_DIR)/extmod/asyncio")
