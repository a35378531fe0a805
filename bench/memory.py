"""The memory that a piece of work needs, in a process of its own."""

from __future__ import annotations

from collections.abc import Callable
import multiprocessing
from pathlib import Path
import re
from typing import Any


def in_child(work: Callable[..., float], *arguments: Any) -> float:
    """What work(*arguments) returns in a fresh process."""
    with multiprocessing.get_context('spawn').Pool(1) as pool:
        return pool.apply(work, arguments)


def resident_peak_mb() -> float:
    """The most memory that this process has had resident so far."""
    # Not getrusage: its ru_maxrss begins with that of the parent process.
    status = Path('/proc/self/status').read_text()
    return int(re.search(r'VmHWM:\s*(\d+) kB', status)[1]) / 2**10
