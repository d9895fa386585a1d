# SPDX-License-Identifier: MIT
"""The scenario suites: a package, so that their names are no other tests'."""
