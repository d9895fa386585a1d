/* SPDX-License-Identifier: MIT */
#pragma once

/* Brings QEMU's open_eth up and returns when the device has an address. */
void network_start(void);
