"""A long task in a background thread, while the caller keeps reporting."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from threading import Event
from typing import TypeVar

T = TypeVar('T')


def run_in_background(
    work: Callable[[Callable[[], bool]], T],
    *,
    period_s: float,
    meanwhile: Callable[[], bool],
) -> T:
    """
    Run work(cancelled) in a background thread and return its result, or raise its error.

    period_s: time between two calls of meanwhile.
    meanwhile: returns False to ask the work to end; Ctrl-C asks for the same.
    cancelled: what the work receives; returns True once the work is asked to end.
    In every case this waits until the work has ended.
    """
    stop = Event()
    with ThreadPoolExecutor(1, thread_name_prefix='background') as pool:
        future = pool.submit(work, stop.is_set)
        try:
            while not wait([future], timeout=period_s).done:
                if not meanwhile():
                    stop.set()
        except BaseException:
            stop.set()
            raise
        return future.result()
