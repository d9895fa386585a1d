# SPDX-License-Identifier: MIT
"""`espbench setup`: runs Espressif's own installers for ESP-IDF and QEMU, and continues them."""
