# SPDX-License-Identifier: MIT
"""One run of the suites on every board that can be tested here.

boards.py     which boards those are, and why the others cannot be
sessions.py   pytest's sessions, one a board
verdicts.py   the first board's results against each other one's
command.py    the run as a whole, and what it prints
"""
