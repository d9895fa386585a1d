# SPDX-License-Identifier: MIT
"""The bytes of a flash image: partition tables, application images, ELF files, littlefs."""
