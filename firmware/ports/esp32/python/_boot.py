# SPDX-License-Identifier: MIT
"""Run at every start: install the bench's modules, bring the network up, mount /."""

import gc
import sys

import bench_board
import flashbdev
import vfs

if flashbdev.bdev:
    flashbdev.bdev = bench_board.Flash(flashbdev.bdev)
bdev = flashbdev.bdev

# littlefs's caches are four times this. (The format on disk does not depend on it.)
SIZES = {"readsize": 256, "progsize": 256}


def _blank():
    block = bytearray(4096)
    for number in range(2):
        bdev.readblocks(number, block)
        if block.count(b"\xff") != len(block):
            return False
    return True


def _mount():
    if not bdev:
        print("No file system: the partition table has no vfs, so main.py cannot be found.")
        return
    if _blank():
        vfs.VfsLfs2.mkfs(bdev, **SIZES)
    try:
        vfs.mount(vfs.VfsLfs2(bdev, **SIZES), "/")
    except OSError as error:
        # It may still hold the user's files: only ever format an empty flash.
        print(
            "The file system in flash is damaged (%s): continuing without it. "
            "To empty it: import vfs; from flashbdev import bdev; vfs.VfsLfs2.mkfs(bdev)" % error
        )


def _modules():
    """Shadow two of the port's modules: they are in ROM and cannot be extended."""
    import _esp32
    import _network

    sys.modules["esp32"] = _esp32
    sys.modules["network"] = _network


def _connect():
    import network

    try:
        network.LAN().active(True)
    except OSError as error:
        print(error)


_modules()  # first: once files are mounted, each import searches them
_connect()
_mount()
gc.collect()
