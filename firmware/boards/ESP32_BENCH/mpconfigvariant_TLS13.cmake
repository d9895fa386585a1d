# SPDX-License-Identifier: MIT
# TLS 1.3 beside TLS 1.2: see docs/reference/third-party.md for what it costs.
list(APPEND SDKCONFIG_DEFAULTS ${ESPBENCH_FIRMWARE}/ports/esp32/sdkconfig.tls13)
