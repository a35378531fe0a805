"""Messages that belong together, by the stamps in their headers."""

from __future__ import annotations

from collections import deque
from typing import Any

from monodepth_ros.messages import stamp_ns


def take_nearest(waiting: deque[Any], stamp: int, *, tolerance_ns: int) -> Any | None:
    """Remove and return the message nearest to a stamp, if there is one within the tolerance."""
    apart = [abs(stamp_ns(message.header) - stamp) for message in waiting]
    if not apart or min(apart) > tolerance_ns:
        return None
    at = apart.index(min(apart))
    message = waiting[at]
    del waiting[at]
    return message
