"""Builds firmware from its sources."""
