/* SPDX-License-Identifier: MIT */
/* Boot parameter tags: how QEMU hands the kernel command line over. */
#ifndef LX60_CHIP_BOOT_TAGS_H
#define LX60_CHIP_BOOT_TAGS_H

/* Takes the command line out of the tags (NULL: there is none). */
void boot_tags_read(const void *tags);

#endif
