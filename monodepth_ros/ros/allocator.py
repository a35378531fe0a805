"""Settings of glibc's allocator for buffers of megabytes."""

from __future__ import annotations

import ctypes
import platform

MB = 2**20
# mallopt's numbers: M_MMAP_THRESHOLD, M_TRIM_THRESHOLD and M_TOP_PAD. The first value is the
# largest that glibc accepts.
TUNING = {-3: 32 * MB, -1: 512 * MB, -2: 64 * MB}


def keep_large_buffers() -> bool:
    """
    Let freed buffers be reused instead of returning them to the system.

    Without this, every image of megabytes is new memory, which the system clears page by page at
    first use. Returns whether it took effect; C libraries other than glibc are not changed.
    """
    if platform.libc_ver()[0] != 'glibc':
        return False
    mallopt = ctypes.CDLL(None).mallopt
    results = [mallopt(number, size) for number, size in TUNING.items()]
    return all(results)
