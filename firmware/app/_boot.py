# SPDX-License-Identifier: MIT
"""Run at every start: mount the file system at /, then bring the network up."""

import network
import vfs

import lx60


def _mount():
    try:
        flash = lx60.Flash()
    except OSError:
        print("No flash: start QEMU with -drive if=pflash,format=raw,file=... for files.")
        return
    sizes = {
        "readsize": lx60.READ_SIZE,
        "progsize": lx60.PROG_SIZE,
        "lookahead": lx60.LOOKAHEAD_SIZE,
    }
    if flash.blank():
        vfs.VfsLfs2.mkfs(flash, **sizes)
    try:
        vfs.mount(vfs.VfsLfs2(flash, **sizes), "/")
    except OSError as error:
        # It may still hold the user's files: only ever format an empty flash.
        print(
            "The file system in flash is damaged (%s): continuing without it. "
            "To empty it: import lx60, vfs; vfs.VfsLfs2.mkfs(lx60.Flash())" % error
        )


def _connect():
    try:
        network.LAN().active(True)
    except OSError as error:
        print(error)


_mount()
_connect()
