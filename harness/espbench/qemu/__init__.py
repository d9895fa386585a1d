"""Finds, starts, talks to and ends one QEMU."""
