"""A booted board: console, control channel, memory, readiness."""
