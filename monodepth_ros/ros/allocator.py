"""How glibc serves buffers of megabytes."""

from __future__ import annotations

import ctypes
import platform

MB = 2**20
# mallopt's numbers: M_MMAP_THRESHOLD, M_TRIM_THRESHOLD and M_TOP_PAD. The first is the most that
# glibc takes.
TUNING = {-3: 32 * MB, -1: 512 * MB, -2: 64 * MB}


def keep_large_buffers() -> bool:
    """
    Let freed buffers be used again instead of being given back to the system.

    Otherwise each image of megabytes is new memory, which the system clears page by page when it
    is first touched. True where it took effect; other C libraries than glibc stay as they are.
    """
    if platform.libc_ver()[0] != 'glibc':
        return False
    mallopt = ctypes.CDLL(None).mallopt
    results = [mallopt(number, size) for number, size in TUNING.items()]
    return all(results)
