/* SPDX-License-Identifier: MIT */
/*
 * The CFI flash (Intel command set, 16 bits wide) that QEMU maps at LX60_FLASH, and the geometry of
 * its littlefs. The host's images must use the same geometry: see README.md.
 */
#ifndef LX60_CHIP_FLASH_H
#define LX60_CHIP_FLASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FLASH_BYTES (4 * 1024 * 1024)

/* littlefs parameters, named as in littlefs-python. */
#define FLASH_BLOCK_SIZE 4096
#define FLASH_BLOCK_COUNT (FLASH_BYTES / FLASH_BLOCK_SIZE)
#define FLASH_READ_SIZE 256
#define FLASH_PROG_SIZE 256
#define FLASH_LOOKAHEAD_SIZE 128

/* False when QEMU was started without -drive if=pflash. */
bool flash_init(void);

/* Returns the flash's memory at an offset, for reading. */
const uint8_t *flash_at(size_t offset);

/* Writes data; offset and length must be even. False when the flash reports an error or the data
 * reads back differently. */
bool flash_write(size_t offset, const uint8_t *data, size_t length);

/* Sets a block of FLASH_BLOCK_SIZE to ones. */
bool flash_erase_block(size_t offset);

/* Whether these bytes are all ones or all zeros (a new image file). */
bool flash_is_blank(size_t offset, size_t length);

#endif
