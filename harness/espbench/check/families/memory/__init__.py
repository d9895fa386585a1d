# SPDX-License-Identifier: MIT
"""The family `memory`: what connections cost and leave, and what happens when memory runs out."""
