# SPDX-License-Identifier: MIT
"""The scenario suites: a package, so that their module names cannot clash with other tests."""
