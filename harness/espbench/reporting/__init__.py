# SPDX-License-Identifier: MIT
"""Reports on runs: results, evidence, charts and pages."""
