/* SPDX-License-Identifier: MIT */
/* Module lx60, for the frozen start-up code: the flash and the kernel command line. */
#include "cmdline.h"
#include <string.h>

#include "extmod/vfs.h"
#include "flash.h"
#include "py/mperrno.h"
#include "py/runtime.h"

static const mp_obj_type_t flash_type;
static const mp_obj_base_t flash_object = {&flash_type};

/* Flash(): a block device over the whole flash; OSError(ENODEV) without a flash. */
static mp_obj_t flash_make_new(const mp_obj_type_t *type, size_t n_args, size_t n_kw,
                               const mp_obj_t *args) {
    (void)type;
    mp_arg_check_num(n_args, n_kw, 0, 0, false);
    (void)args;
    if (!flash_init()) {
        mp_raise_OSError(MP_ENODEV);
    }
    return MP_OBJ_FROM_PTR(&flash_object);
}

/* The flash offset of block and offset; *error is -EINVAL when `length` bytes do not fit there. */
static size_t place(const mp_obj_t *args, size_t n_args, size_t length, int *error) {
    size_t block = mp_obj_get_int(args[1]);
    size_t offset = n_args > 3 ? mp_obj_get_int(args[3]) : 0;
    *error = block >= FLASH_BLOCK_COUNT || offset > FLASH_BLOCK_SIZE ||
                     length > FLASH_BYTES - block * FLASH_BLOCK_SIZE - offset
                 ? -MP_EINVAL
                 : 0;
    return block * FLASH_BLOCK_SIZE + offset;
}

/* readblocks(block, buffer, offset=0) -> 0, or a negative error */
static mp_obj_t flash_readblocks(size_t n_args, const mp_obj_t *args) {
    mp_buffer_info_t buffer;
    int error;
    mp_get_buffer_raise(args[2], &buffer, MP_BUFFER_WRITE);
    size_t at = place(args, n_args, buffer.len, &error);
    if (error == 0) {
        memcpy(buffer.buf, flash_at(at), buffer.len);
    }
    return MP_OBJ_NEW_SMALL_INT(error);
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(flash_readblocks_obj, 3, 4, flash_readblocks);

/* writeblocks(block, buffer, offset=0) -> 0, or a negative error. Needs no erase before, as QEMU's
 * flash can set bits. */
static mp_obj_t flash_writeblocks(size_t n_args, const mp_obj_t *args) {
    mp_buffer_info_t buffer;
    int error;
    mp_get_buffer_raise(args[2], &buffer, MP_BUFFER_READ);
    size_t at = place(args, n_args, buffer.len, &error);
    if (error == 0 && (at % 2 != 0 || buffer.len % 2 != 0)) {
        error = -MP_EINVAL;
    }
    if (error == 0 && !flash_write(at, buffer.buf, buffer.len)) {
        error = -MP_EIO;
    }
    return MP_OBJ_NEW_SMALL_INT(error);
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(flash_writeblocks_obj, 3, 4, flash_writeblocks);

static mp_obj_t flash_ioctl(mp_obj_t self, mp_obj_t operation, mp_obj_t argument) {
    (void)self;
    switch (mp_obj_get_int(operation)) {
    case MP_BLOCKDEV_IOCTL_BLOCK_COUNT:
        return MP_OBJ_NEW_SMALL_INT(FLASH_BLOCK_COUNT);
    case MP_BLOCKDEV_IOCTL_BLOCK_SIZE:
        return MP_OBJ_NEW_SMALL_INT(FLASH_BLOCK_SIZE);
    case MP_BLOCKDEV_IOCTL_BLOCK_ERASE: {
        mp_uint_t block = mp_obj_get_int(argument);
        if (block >= FLASH_BLOCK_COUNT) {
            return MP_OBJ_NEW_SMALL_INT(-MP_EINVAL);
        }
        return MP_OBJ_NEW_SMALL_INT(flash_erase_block(block * FLASH_BLOCK_SIZE) ? 0 : -MP_EIO);
    }
    case MP_BLOCKDEV_IOCTL_INIT:
    case MP_BLOCKDEV_IOCTL_DEINIT:
    case MP_BLOCKDEV_IOCTL_SYNC:
        return MP_OBJ_NEW_SMALL_INT(0);
    default:
        return mp_const_none;
    }
}
static MP_DEFINE_CONST_FUN_OBJ_3(flash_ioctl_obj, flash_ioctl);

/* blank() -> bool: whether the two blocks of littlefs's superblock are empty */
static mp_obj_t flash_blank(mp_obj_t self) {
    (void)self;
    return mp_obj_new_bool(flash_is_blank(0, 2 * FLASH_BLOCK_SIZE));
}
static MP_DEFINE_CONST_FUN_OBJ_1(flash_blank_obj, flash_blank);

static const mp_rom_map_elem_t flash_locals_table[] = {
    {MP_ROM_QSTR(MP_QSTR_readblocks), MP_ROM_PTR(&flash_readblocks_obj)},
    {MP_ROM_QSTR(MP_QSTR_writeblocks), MP_ROM_PTR(&flash_writeblocks_obj)},
    {MP_ROM_QSTR(MP_QSTR_ioctl), MP_ROM_PTR(&flash_ioctl_obj)},
    {MP_ROM_QSTR(MP_QSTR_blank), MP_ROM_PTR(&flash_blank_obj)},
};
static MP_DEFINE_CONST_DICT(flash_locals, flash_locals_table);

static MP_DEFINE_CONST_OBJ_TYPE(flash_type, MP_QSTR_Flash, MP_TYPE_FLAG_NONE, make_new,
                                flash_make_new, locals_dict, &flash_locals);

/* argument(name) -> the value of name=value on the kernel command line, or None */
static mp_obj_t lx60_argument(mp_obj_t name) {
    size_t length;
    const char *value = cmdline_text(mp_obj_str_get_str(name), &length);
    return value == NULL ? mp_const_none : mp_obj_new_str(value, length);
}
static MP_DEFINE_CONST_FUN_OBJ_1(lx60_argument_obj, lx60_argument);

static const mp_rom_map_elem_t lx60_globals_table[] = {
    {MP_ROM_QSTR(MP_QSTR___name__), MP_ROM_QSTR(MP_QSTR_lx60)},
    {MP_ROM_QSTR(MP_QSTR_Flash), MP_ROM_PTR(&flash_type)},
    {MP_ROM_QSTR(MP_QSTR_argument), MP_ROM_PTR(&lx60_argument_obj)},
    {MP_ROM_QSTR(MP_QSTR_READ_SIZE), MP_ROM_INT(FLASH_READ_SIZE)},
    {MP_ROM_QSTR(MP_QSTR_PROG_SIZE), MP_ROM_INT(FLASH_PROG_SIZE)},
    {MP_ROM_QSTR(MP_QSTR_LOOKAHEAD_SIZE), MP_ROM_INT(FLASH_LOOKAHEAD_SIZE)},
};
static MP_DEFINE_CONST_DICT(lx60_globals, lx60_globals_table);

const mp_obj_module_t lx60_module = {
    .base = {&mp_type_module},
    .globals = (mp_obj_dict_t *)&lx60_globals,
};

MP_REGISTER_MODULE(MP_QSTR_lx60, lx60_module);
