/* SPDX-License-Identifier: MIT */
/* A partition that is read through the flash's memory mapping. The port's own block device reads
 * with flash commands while the cache is off: code in flash stops on both cores, and an emulator
 * translates it again, which takes 5 ms per read. Writes go through the port's device, after which
 * ESP-IDF flushes the cache. If the mapping still shows old data (an emulated ESP32-C3), reads go
 * through the port's device, too, from that write on. */
#include "flash_device.h"

#include <string.h>

#include "esp_partition.h"
#include "extmod/vfs.h"
#include "py/mperrno.h"
#include "py/runtime.h"

#define BLOCK_BYTES 4096 /* a flash sector, which is the port's littlefs block */

typedef struct {
    mp_obj_base_t base;
    mp_obj_t partition;
    const esp_partition_t *area;
} flash_device_t;

/* The single mapped partition. It survives soft resets, which free the device but not the MMU's
 * pages: once these are used up, all reads would be slow. */
static struct {
    const esp_partition_t *area;
    const uint8_t *bytes; /* NULL: not mapped, or given up after showing old data */
    esp_partition_mmap_handle_t handle;
    size_t size;
} mapped;

static bool map(const esp_partition_t *area) {
    if (area == NULL || (mapped.bytes != NULL && mapped.area != area)) {
        return false;
    }
    const void *bytes = mapped.bytes;
    if (bytes == NULL && esp_partition_mmap(area, 0, area->size, ESP_PARTITION_MMAP_DATA, &bytes,
                                            &mapped.handle) != ESP_OK) {
        return false;
    }
    mapped.area = area;
    mapped.bytes = bytes;
    mapped.size = area->size;
    return true;
}

static bool is_mapped(const flash_device_t *self) {
    return mapped.bytes != NULL && mapped.area == self->area;
}

static mp_obj_t call(mp_obj_t self_in, qstr method, size_t n_args, const mp_obj_t *args) {
    flash_device_t *self = MP_OBJ_TO_PTR(self_in);
    mp_obj_t all[2 + 3];
    mp_load_method(self->partition, method, all);
    memcpy(all + 2, args, n_args * sizeof *args);
    return mp_call_method_n_kw(n_args, 0, all);
}

/* Flash(partition) -> the device, or the partition itself when the MMU has no pages left */
static mp_obj_t make_new(const mp_obj_type_t *type, size_t n_args, size_t n_kw,
                         const mp_obj_t *args) {
    mp_arg_check_num(n_args, n_kw, 1, 1, false);
    mp_obj_t info[2];
    mp_load_method(args[0], MP_QSTR_info, info);
    mp_obj_t *fields;
    mp_obj_get_array_fixed_n(mp_call_method_n_kw(0, 0, info), 6, &fields);
    const esp_partition_t *area = esp_partition_find_first(
        ESP_PARTITION_TYPE_DATA, ESP_PARTITION_SUBTYPE_ANY, mp_obj_str_get_str(fields[4]));
    if (!map(area)) {
        return args[0];
    }
    flash_device_t *self = mp_obj_malloc(flash_device_t, type);
    self->partition = args[0];
    self->area = area;
    return MP_OBJ_FROM_PTR(self);
}

/* Called after a write or, with `expected` NULL, an erase: gives up the mapping if it does not show
 * the result. */
static void check(const flash_device_t *self, size_t at, const uint8_t *expected, size_t length) {
    if (!is_mapped(self) || at > mapped.size || length > mapped.size - at) {
        return;
    }
    for (size_t i = 0; i < length; i++) {
        if (mapped.bytes[at + i] != (expected != NULL ? expected[i] : 0xff)) {
            esp_partition_munmap(mapped.handle);
            mapped.bytes = NULL;
            return;
        }
    }
}

/* readblocks(block, buffer, offset=0) */
static mp_obj_t readblocks(size_t n_args, const mp_obj_t *args) {
    if (!is_mapped(MP_OBJ_TO_PTR(args[0]))) {
        return call(args[0], MP_QSTR_readblocks, n_args - 1, args + 1);
    }
    mp_buffer_info_t buffer;
    mp_get_buffer_raise(args[2], &buffer, MP_BUFFER_WRITE);
    size_t block = mp_obj_get_int(args[1]);
    size_t offset = n_args > 3 ? mp_obj_get_int(args[3]) : 0;
    if (block > mapped.size / BLOCK_BYTES || offset > mapped.size ||
        block * BLOCK_BYTES + offset > mapped.size ||
        buffer.len > mapped.size - (block * BLOCK_BYTES + offset)) {
        mp_raise_OSError(MP_EINVAL);
    }
    memcpy(buffer.buf, mapped.bytes + block * BLOCK_BYTES + offset, buffer.len);
    return MP_OBJ_NEW_SMALL_INT(0);
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(readblocks_obj, 3, 4, readblocks);

/* writeblocks(block, buffer[, offset]) */
static mp_obj_t writeblocks(size_t n_args, const mp_obj_t *args) {
    mp_obj_t result = call(args[0], MP_QSTR_writeblocks, n_args - 1, args + 1);
    mp_buffer_info_t buffer;
    mp_get_buffer_raise(args[2], &buffer, MP_BUFFER_READ);
    size_t offset = n_args > 3 ? mp_obj_get_int(args[3]) : 0;
    check(MP_OBJ_TO_PTR(args[0]), mp_obj_get_int(args[1]) * BLOCK_BYTES + offset, buffer.buf,
          buffer.len);
    return result;
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(writeblocks_obj, 3, 4, writeblocks);

static mp_obj_t ioctl(mp_obj_t self, mp_obj_t command, mp_obj_t value) {
    const mp_obj_t args[] = {command, value};
    mp_obj_t result = call(self, MP_QSTR_ioctl, 2, args);
    if (mp_obj_get_int(command) == MP_BLOCKDEV_IOCTL_BLOCK_ERASE) {
        check(MP_OBJ_TO_PTR(self), mp_obj_get_int(value) * BLOCK_BYTES, NULL, BLOCK_BYTES);
    }
    return result;
}
static MP_DEFINE_CONST_FUN_OBJ_3(ioctl_obj, ioctl);

static const mp_rom_map_elem_t locals_table[] = {
    {MP_ROM_QSTR(MP_QSTR_readblocks), MP_ROM_PTR(&readblocks_obj)},
    {MP_ROM_QSTR(MP_QSTR_writeblocks), MP_ROM_PTR(&writeblocks_obj)},
    {MP_ROM_QSTR(MP_QSTR_ioctl), MP_ROM_PTR(&ioctl_obj)},
};
static MP_DEFINE_CONST_DICT(locals, locals_table);

MP_DEFINE_CONST_OBJ_TYPE(flash_device_type, MP_QSTR_Flash, MP_TYPE_FLAG_NONE, make_new, make_new,
                         locals_dict, &locals);
