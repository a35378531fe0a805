"""
Matching of messages by their stamps.

Two streams of stamped images become one stream of pairs, up to a maximum rate; no ROS.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from monodepth_ros.messages.decode import NS_PER_S, stamp_ns

# Number of images of one camera that wait for their partner before the oldest is given up.
WAITING = 16
OTHER_VIEW = {'left': 'right', 'right': 'left'}


def header_stamp_ns(message: Any) -> int:
    """Return the acquisition time of a message, by its header."""
    return stamp_ns(message.header)


def take_nearest(
    waiting: deque[Any],
    stamp: int,
    *,
    tolerance_ns: int,
    stamp_of: Callable[[Any], int] = header_stamp_ns,
) -> Any | None:
    """
    Remove and return the message nearest to a stamp, if one is within the tolerance.

    waiting: messages to choose from.
    stamp: time in ns.
    tolerance_ns: largest distance.
    stamp_of: returns the time of a message in ns.
    """
    apart = [abs(stamp_of(message) - stamp) for message in waiting]
    if not apart or min(apart) > tolerance_ns:
        return None
    at = apart.index(min(apart))
    message = waiting[at]
    del waiting[at]
    return message


class PairMatcher:
    """
    Pairs images by their stamps, approximately, in the order of time.

    unpaired: number of images that were given up.
    apart_ns: distance of the last of them from the nearest image of the other camera; None while
    that camera sent nothing.
    """

    def __init__(self, *, tolerance_ns: int) -> None:
        self.unpaired = 0
        self.apart_ns: int | None = None
        self._tolerance_ns = tolerance_ns
        self._waiting: dict[str, deque[Any]] = {view: deque() for view in OTHER_VIEW}
        self._stamps: dict[str, deque[int]] = {
            view: deque(maxlen=4 * WAITING) for view in OTHER_VIEW
        }

    def take(self, view: str, message: Any) -> tuple[Any, Any] | None:
        """Add an image of the left or right camera; return (left, right) once it has a partner."""
        stamp, other = stamp_ns(message.header), OTHER_VIEW[view]
        self._stamps[view].append(stamp)
        partner = take_nearest(self._waiting[other], stamp, tolerance_ns=self._tolerance_ns)
        if partner is None:
            self._waiting[view].append(message)
            if len(self._waiting[view]) > WAITING:
                self._give_up_oldest(view)
            return None
        # A topic delivers in order, so older waiting images will never find a partner.
        self._give_up_before(view, stamp)
        self._give_up_before(other, stamp_ns(partner.header))
        return (message, partner) if view == 'left' else (partner, message)

    def _give_up_before(self, view: str, stamp: int) -> None:
        waiting = self._waiting[view]
        while waiting and stamp_ns(waiting[0].header) < stamp:
            self._give_up_oldest(view)

    def _give_up_oldest(self, view: str) -> None:
        stamp = stamp_ns(self._waiting[view].popleft().header)
        self.unpaired += 1
        apart = (abs(stamp - other) for other in self._stamps[OTHER_VIEW[view]])
        self.apart_ns = min(apart, default=None)


class RateLimit:
    """
    Reduces a stream to a mean rate by its stamps, so that a replay at any speed gives the same.

    A stamp up to half a period early is admitted, so that a camera of exactly this rate loses no
    frame to jitter; the next frame is due one period after this one was due.
    """

    def __init__(self, max_rate_hz: float) -> None:
        self._period_ns = round(NS_PER_S / max_rate_hz)
        self._due_ns: int | None = None

    def is_due(self, stamp: int) -> bool:
        """Return whether the stamp is far enough from the last admitted one; stamps must rise."""
        return self._due_ns is None or stamp >= self._due_ns - self._period_ns // 2

    def admit(self, stamp: int) -> None:
        """Count a stamp that is due."""
        due_ns = stamp if self._due_ns is None else self._due_ns
        behind = stamp >= due_ns + self._period_ns  # missed frames are not made up for after a gap
        self._due_ns = (stamp if behind else due_ns) + self._period_ns
