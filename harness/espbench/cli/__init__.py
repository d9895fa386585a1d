"""The command `espbench`."""
