/* SPDX-License-Identifier: MIT */
/* Included by extmod/modnetwork.c. */
#include "network_lan.h"
#include "network_wlan.h"
