# SPDX-License-Identifier: MIT
"""First code of every start: the bench's modules, the network, then the file system at /."""

import gc
import sys

import bench_board
import flashbdev
import vfs

if flashbdev.bdev:
    flashbdev.bdev = bench_board.Flash(flashbdev.bdev)
bdev = flashbdev.bdev

# littlefs's caches are four times this. (What is on disk does not depend on it.)
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
        # somebody's files may still be in there: never format what is not empty
        print(
            "The file system in flash is damaged (%s): going on without it. "
            "To empty it: import vfs; from flashbdev import bdev; vfs.VfsLfs2.mkfs(bdev)" % error
        )


def _modules():
    """Put the bench's parts into two modules of the port, which are in ROM and cannot take them."""
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


_modules()  # first: with files at hand each import would look for its module among them
_connect()
_mount()
gc.collect()
