# SPDX-License-Identifier: MIT
"""What a run leaves: results, evidence, charts and pages."""
