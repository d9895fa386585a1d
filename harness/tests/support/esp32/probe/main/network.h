/* SPDX-License-Identifier: MIT */
#pragma once

/** Start QEMU's Ethernet controller, and return when DHCP has set an address. */
void network_start(void);
