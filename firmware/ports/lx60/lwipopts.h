/* SPDX-License-Identifier: MIT */
/*
 * lwIP on lx60: the raw API, polled. Every allocation comes from the bounded network heap: pools
 * have no separate limits. Options that ESP-IDF v5.3 also has are set to its defaults.
 */
#ifndef LX60_LWIPOPTS_H
#define LX60_LWIPOPTS_H

#include "webserver/net_heap.h"

#define NO_SYS 1
#define SYS_LIGHTWEIGHT_PROT 0
#define LWIP_SOCKET 0
#define LWIP_NETCONN 0
#define LWIP_STATS 0

/* Timers are static (lwip_timers.c): upstream's stop permanently when out of memory. */
#define LWIP_TIMERS 1
#define LWIP_TIMERS_CUSTOM 1

#define MEM_ALIGNMENT 4
#define MEM_CUSTOM_ALLOCATOR 1
#define MEM_CUSTOM_MALLOC net_malloc
#define MEM_CUSTOM_CALLOC net_calloc
#define MEM_CUSTOM_FREE net_free
#define MEMP_MEM_MALLOC 1

#define LWIP_IPV4 1
#define LWIP_IPV6 0
#define LWIP_ICMP 1
#define LWIP_RAW 0
#define LWIP_DNS 1
#define DNS_TABLE_SIZE 2
#define LWIP_DHCP 1
/* two ARP probes would take two seconds at each start, and slirp has no other client */
#define LWIP_DHCP_DOES_ACD_CHECK 0

#define ETH_PAD_SIZE 2
#define ARP_QUEUEING 1
#define ARP_QUEUE_LEN 32
#define LWIP_NETIF_HOSTNAME 1
#define LWIP_NETIF_STATUS_CALLBACK 1
#define LWIP_SUPPORT_CUSTOM_PBUF 1

/* CONFIG_LWIP_TCP_MSS, CONFIG_LWIP_TCP_WND_DEFAULT, CONFIG_LWIP_TCP_SND_BUF_DEFAULT */
#define TCP_MSS 1440
#define TCP_WND 5760
#define TCP_SND_BUF 5760
#define TCP_QUEUE_OOSEQ 1
#define TCP_LISTEN_BACKLOG 1

/* The limit that httpserver.start() checks; lwIP does not enforce it, here or in ESP-IDF. The same
 * as on the ESP32 boards without their programs' sockets (CONFIG_LWIP_MAX_ACTIVE_TCP less
 * CONFIG_LWIP_MAX_SOCKETS). */
#define MEMP_NUM_TCP_PCB 67

/* TIME_WAIT lasts twice this. ESP-IDF has 60 s; here nothing reorders packets, and a closed
 * connection that keeps its memory for minutes would look like a leak. */
#define TCP_MSL 500
/* Detects a vanished peer within 35 s; until then it holds a connection's place. */
#define TCP_KEEPINTVL_DEFAULT 5000
#define TCP_KEEPCNT_DEFAULT 4

#define SO_REUSE 1
#define LWIP_CHKSUM_ALGORITHM 3

/* they check the sizes of pools, which are not used */
#define LWIP_DISABLE_TCP_SANITY_CHECKS 1

#endif
