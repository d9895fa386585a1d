"""What is frozen into every image."""

freeze(".", ("_boot.py", "_main.py", "_control.py", "bench_app.py"))
freeze(".", ("esp32/__init__.py",))
include("$(MPY_DIR)/extmod/asyncio")
