# SPDX-License-Identifier: MIT
"""File systems of data partitions, read and built on the host: littlefs, SPIFFS, FAT."""
