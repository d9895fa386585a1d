# SPDX-License-Identifier: MIT
"""Runs the suites on every board that can be tested on this machine.

boards.py     selects these boards, with reasons for the others
sessions.py   runs one pytest session per board
verdicts.py   compares the first board's results with those of each other board
command.py    the whole run and its output
"""
