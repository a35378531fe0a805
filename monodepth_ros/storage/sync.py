"""Messages that belong together, by the stamps in their headers."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from monodepth_ros.messages.decode import stamp_ns


def header_stamp_ns(message: Any) -> int:
    """When a message was taken, by its header."""
    return stamp_ns(message.header)


def take_nearest(
    waiting: deque[Any],
    stamp: int,
    *,
    tolerance_ns: int,
    stamp_of: Callable[[Any], int] = header_stamp_ns,
) -> Any | None:
    """Remove and return the message nearest to a stamp, if there is one within the tolerance."""
    apart = [abs(stamp_of(message) - stamp) for message in waiting]
    if not apart or min(apart) > tolerance_ns:
        return None
    at = apart.index(min(apart))
    message = waiting[at]
    del waiting[at]
    return message
