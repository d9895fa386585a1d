/* SPDX-License-Identifier: MIT */
#pragma once

/** Serve HTTP on port 80, and echo on TCP port 8266 and UDP port 5353; return when all listen. */
void servers_start(void);
