# SPDX-License-Identifier: MIT
"""An emulated board as a place in a labgrid coordinator: exporter, resource and driver.

`imports: [espbench.lab.driver]` in a labgrid environment makes resource and driver known. Nothing
is imported here, because the parts that know nothing of labgrid need none.
"""
