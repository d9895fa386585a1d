/* SPDX-License-Identifier: MIT */
#include "flash.h"

#include <string.h>

#include "registers.h"

/* Intel's command set, as in QEMU's hw/block/pflash_cfi01.c. */
#define COMMAND_WRITE_TO_BUFFER 0xe8
#define COMMAND_CONFIRM 0xd0
#define COMMAND_CLEAR_STATUS 0x50
#define COMMAND_READ_ARRAY 0xff
#define COMMAND_CFI_QUERY 0x98
#define CFI_QUERY_ADDRESS 0x55
#define CFI_SIGNATURE 0x10
#define STATUS_READY 0x80
#define STATUS_ERRORS 0x3a

/* The size of the device's write buffer. */
#define BUFFER_BYTES 2048

static volatile uint16_t *cell(size_t offset) { return (volatile uint16_t *)(LX60_FLASH + offset); }

/* Without a flash, QEMU ignores writes here and reads return zeros. */
bool flash_init(void) {
    *cell(CFI_QUERY_ADDRESS * 2) = COMMAND_CFI_QUERY;
    const uint16_t signature[3] = {
        *cell(CFI_SIGNATURE * 2),
        *cell(CFI_SIGNATURE * 2 + 2),
        *cell(CFI_SIGNATURE * 2 + 4),
    };
    *cell(0) = COMMAND_READ_ARRAY;
    return (signature[0] & 0xff) == 'Q' && (signature[1] & 0xff) == 'R' &&
           (signature[2] & 0xff) == 'Y';
}

const uint8_t *flash_at(size_t offset) { return (const uint8_t *)LX60_FLASH + offset; }

/* Writes up to BUFFER_BYTES, not across a boundary of that size. data NULL: ones. */
static bool write_buffer(size_t offset, const uint8_t *data, size_t length) {
    volatile uint16_t *start = cell(offset);
    *start = COMMAND_WRITE_TO_BUFFER;
    *start = length / 2 - 1;
    for (size_t i = 0; i < length; i += 2) {
        *cell(offset + i) = data == NULL ? 0xffff : data[i] | data[i + 1] << 8;
    }
    *start = COMMAND_CONFIRM;
    uint16_t status;
    do {
        status = *start;
    } while (!(status & STATUS_READY)); /* QEMU is ready at once */
    *start = COMMAND_CLEAR_STATUS;
    *start = COMMAND_READ_ARRAY;
    return (status & STATUS_ERRORS) == 0;
}

static bool write_all(size_t offset, const uint8_t *data, size_t length) {
    while (length > 0) {
        size_t part = BUFFER_BYTES - offset % BUFFER_BYTES;
        part = part < length ? part : length;
        if (!write_buffer(offset, data, part)) {
            return false;
        }
        offset += part;
        data = data == NULL ? NULL : data + part;
        length -= part;
    }
    return true;
}

bool flash_write(size_t offset, const uint8_t *data, size_t length) {
    return write_all(offset, data, length) && memcmp(flash_at(offset), data, length) == 0;
}

static bool is_all(size_t offset, size_t length, uint32_t word) {
    const uint32_t *at = (const uint32_t *)flash_at(offset);
    for (size_t i = 0; i < length / 4; i++) {
        if (at[i] != word) {
            return false;
        }
    }
    return true;
}

/*
 * The device erases 64 KiB at a time, which would give littlefs only 64 blocks: it needs two for
 * each folder and at least one for each file. So a block is erased by writing ones to it: QEMU's
 * flash, unlike a real one, allows writes to set bits. The check detects if that ever changes.
 */
bool flash_erase_block(size_t offset) {
    return is_all(offset, FLASH_BLOCK_SIZE, 0xffffffff) ||
           (write_all(offset, NULL, FLASH_BLOCK_SIZE) &&
            is_all(offset, FLASH_BLOCK_SIZE, 0xffffffff));
}

bool flash_is_blank(size_t offset, size_t length) {
    return is_all(offset, length, 0xffffffff) || is_all(offset, length, 0);
}
