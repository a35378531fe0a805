"""The memory of a freed image serves the next one."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

PAGE_FAULTS = """
import resource
from monodepth_ros.ros.allocator import keep_large_buffers
{before}
def image():
    return b'x' * 14_745_600  # a cloud of 1280x720
image()
first = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(20):
    image()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - first)
"""


def _page_faults(before):
    """In a process of its own, which does this before it allocates 20 clouds one after another."""
    program = PAGE_FAULTS.format(before=before)
    result = subprocess.run(
        [sys.executable, '-c', program], check=True, capture_output=True, text=True
    )
    return int(result.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != 'glibc', reason='other C libraries are left alone')
def test_after_the_first_image_no_memory_is_asked_for():
    # Pages of 2 MB, where the system gives them, are the fewest: 7 a cloud.
    assert _page_faults('pass') >= 20 * 7
    assert _page_faults('assert keep_large_buffers()') < 20
