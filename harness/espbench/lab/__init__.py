# SPDX-License-Identifier: MIT
"""Emulated boards as places of a labgrid coordinator: exporter, resource and driver.

`imports: [espbench.lab.driver]` in a labgrid environment registers resource and driver. This module
imports nothing, because some of its parts work without labgrid.
"""
