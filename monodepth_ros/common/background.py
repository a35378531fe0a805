"""Work that takes long, while the caller goes on telling that it does."""

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
    What work(cancelled) returns or raises, from a thread of its own.

    meanwhile(): called every period; False asks the work to end, as does a Ctrl-C here.
    cancelled() is what the work looks at: whether it was asked to. It is waited for in any case.
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
