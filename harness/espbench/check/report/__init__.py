# SPDX-License-Identifier: MIT
"""Writes the results of checks: a table, Markdown, JUnit XML, JSON, HTML."""

from __future__ import annotations
