"""Measurement of the memory that a function needs, in a process of its own."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
import multiprocessing
from pathlib import Path
import re
from typing import Any, TypeVar

T = TypeVar('T')


def in_child(work: Callable[..., T], *arguments: Any) -> T:
    """Return work(*arguments) from a fresh process; raise BrokenProcessPool if it dies."""
    with ProcessPoolExecutor(1, multiprocessing.get_context('spawn')) as pool:
        return pool.submit(work, *arguments).result()


def resident_peak_mb() -> float:
    """Return the peak resident memory of this process so far, in MB."""
    # The ru_maxrss of getrusage would start at that of the parent process.
    status = Path('/proc/self/status').read_text()
    (peak_kb,) = re.findall(r'VmHWM:\s*(\d+) kB', status)
    return int(peak_kb) / 2**10
