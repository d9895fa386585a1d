/* SPDX-License-Identifier: MIT */
/*
 * The CFI flash (Intel command set, 16 bits wide) that QEMU puts at LX60_FLASH, and the geometry
 * of the littlefs in it. The host's images must have the same: see README.md.
 */
#ifndef LX60_CHIP_FLASH_H
#define LX60_CHIP_FLASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FLASH_BYTES (4 * 1024 * 1024)

/* littlefs, as littlefs-python names them. */
#define FLASH_BLOCK_SIZE 4096
#define FLASH_BLOCK_COUNT (FLASH_BYTES / FLASH_BLOCK_SIZE)
#define FLASH_READ_SIZE 256
#define FLASH_PROG_SIZE 256
#define FLASH_LOOKAHEAD_SIZE 128

/* False when QEMU was started without -drive if=pflash. */
bool flash_init(void);

/* The flash reads as memory. */
const uint8_t *flash_at(size_t offset);

/* Offset and length are even. False when the flash reports an error or does not hold what was
 * written. */
bool flash_write(size_t offset, const uint8_t *data, size_t length);

/* Sets a block of FLASH_BLOCK_SIZE to ones. */
bool flash_erase_block(size_t offset);

/* Are these bytes all ones, or all zeros (a file that was only made, never written)? */
bool flash_is_blank(size_t offset, size_t length);

#endif
