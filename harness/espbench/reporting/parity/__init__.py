"""`espbench parity`: the same suites on two boards, and the rows that differ."""
