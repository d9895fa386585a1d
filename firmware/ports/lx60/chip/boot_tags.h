/* SPDX-License-Identifier: MIT */
/* Boot parameter tags, in which QEMU passes the kernel command line. */
#ifndef LX60_CHIP_BOOT_TAGS_H
#define LX60_CHIP_BOOT_TAGS_H

/* Reads the command line from the tags (NULL: there are none). */
void boot_tags_read(const void *tags);

#endif
