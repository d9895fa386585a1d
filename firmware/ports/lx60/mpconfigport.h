/* SPDX-License-Identifier: MIT */
/* MicroPython on lx60: the features of the esp32 port that this board can support. */
#include <alloca.h>
#include <stdint.h>

#define MICROPY_CONFIG_ROM_LEVEL (MICROPY_CONFIG_ROM_LEVEL_EXTRA_FEATURES)

typedef int32_t mp_int_t;
typedef uint32_t mp_uint_t;
typedef long mp_off_t;
#define UINT_FMT "%lu"
#define INT_FMT "%ld"
#define MP_SSIZE_MAX (0x7fffffff)
#define MP_STATE_PORT MP_STATE_VM

/* memory and errors */
#define MICROPY_ALLOC_PATH_MAX (128)
#define MICROPY_ENABLE_GC (1)
#define MICROPY_GCREGS_SETJMP (1)
/* GCC knows that setjmp() returns twice, but not that nlr_push() in assembly does: GCC 16 reuses a
 * stack slot that the VM needs after the second return. */
#define MICROPY_NLR_SETJMP (1)
#define MICROPY_STACK_CHECK_MARGIN (1024)
#define MICROPY_ENABLE_EMERGENCY_EXCEPTION_BUF (1)
#define MICROPY_EMERGENCY_EXCEPTION_BUF_SIZE (256)
#define MICROPY_LONGINT_IMPL (MICROPY_LONGINT_IMPL_MPZ)
#define MICROPY_FLOAT_IMPL (MICROPY_FLOAT_IMPL_FLOAT)
#define MICROPY_ERROR_REPORTING (MICROPY_ERROR_REPORTING_NORMAL)
#define MICROPY_WARNINGS (1)
#define MICROPY_PERSISTENT_CODE_LOAD (1)
#define MICROPY_USE_INTERNAL_ERRNO (1)
#define MICROPY_USE_INTERNAL_PRINTF (0)
#define MICROPY_STREAMS_POSIX_API (1)
#define MICROPY_SCHEDULER_DEPTH (8)
#define MICROPY_SCHEDULER_STATIC_NODES (1)
#define MICROPY_ENABLE_SCHEDULER (1)

/* files */
#define MICROPY_VFS (1)
#define MICROPY_READER_VFS (1)
#define MICROPY_PY_IO_BUFFEREDWRITER (1)

/* modules */
#define MICROPY_PY_STR_BYTES_CMP_WARN (1)
#define MICROPY_PY_ALL_INPLACE_SPECIAL_METHODS (1)
#define MICROPY_PY_BUILTINS_HELP_TEXT lx60_help_text
#define MICROPY_PY_SYS_PLATFORM "lx60"
#define MICROPY_PY_TIME_GMTIME_LOCALTIME_MKTIME (1)
#define MICROPY_PY_TIME_TIME_TIME_NS (1)
#define MICROPY_PY_TIME_INCLUDEFILE "modtime_port.h"
#define MICROPY_PY_OS_INCLUDEFILE "modos_port.h"
#define MICROPY_PY_OS_DUPTERM (1)
#define MICROPY_PY_OS_SYNC (1)
#define MICROPY_PY_OS_UNAME (1)
#define MICROPY_PY_OS_URANDOM (1)
#define MICROPY_PY_RANDOM_SEED_INIT_FUNC (lx60_random_seed())
#define MICROPY_PY_MACHINE (1)
#define MICROPY_PY_MACHINE_INCLUDEFILE "modmachine_port.h"
#define MICROPY_PY_MACHINE_RESET (1)
#define MICROPY_PY_MACHINE_BARE_METAL_FUNCS (1)
#define MICROPY_PY_MACHINE_PIN_BASE (0)
#define MICROPY_PY_MACHINE_SIGNAL (0)
#define MICROPY_PY_MACHINE_PULSE (0)
#define MICROPY_PY_MACHINE_BITSTREAM (0)
#define MICROPY_PY_ONEWIRE (0)
#define MICROPY_PY_FRAMEBUF (0)
#define MICROPY_PY_HASHLIB (1)
#define MICROPY_PY_HASHLIB_SHA256 (1)
#define MICROPY_PY_NETWORK (1)
#define MICROPY_PY_NETWORK_HOSTNAME_DEFAULT "mpy-lx60"
#define MICROPY_PY_NETWORK_INCLUDEFILE "network_port.h"
#define MICROPY_PY_NETWORK_MODULE_GLOBALS_INCLUDEFILE "modnetwork_port.h"

#define MICROPY_HW_BOARD_NAME "lx60 (QEMU)"
#define MICROPY_HW_MCU_NAME "LX106"

/* The VM checks at each backward jump; the interrupt handler sets board_events. */
extern volatile uint32_t board_events;
extern void board_vm_hook(void);
#define MICROPY_VM_HOOK_LOOP                                                                       \
    if (board_events != 0) {                                                                       \
        board_vm_hook();                                                                           \
    }
#define MICROPY_VM_HOOK_RETURN MICROPY_VM_HOOK_LOOP

/* Waits in MicroPython's own modules (select, asyncio): milliseconds, -1 means forever. */
extern void lx60_wait_event_ms(int ms);
#define MICROPY_INTERNAL_WFE(timeout_ms) lx60_wait_event_ms(timeout_ms)

extern uint32_t lx60_random_seed(void);
extern const char lx60_help_text[];
