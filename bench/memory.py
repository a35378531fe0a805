"""The memory that a piece of work needs, in a process of its own."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
import multiprocessing
from pathlib import Path
import re
from typing import Any, TypeVar

T = TypeVar('T')


def in_child(work: Callable[..., T], *arguments: Any) -> T:
    """What work(*arguments) returns in a fresh process. Raises BrokenProcessPool if it dies."""
    with ProcessPoolExecutor(1, multiprocessing.get_context('spawn')) as pool:
        return pool.submit(work, *arguments).result()


def resident_peak_mb() -> float:
    """The most memory that this process has had resident so far."""
    # Not getrusage: its ru_maxrss begins with that of the parent process.
    status = Path('/proc/self/status').read_text()
    (peak_kb,) = re.findall(r'VmHWM:\s*(\d+) kB', status)
    return int(peak_kb) / 2**10
