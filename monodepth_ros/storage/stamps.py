"""
Messages that belong together by their stamps.

Two streams of stamped images become one stream of pairs, no faster than wanted; no ROS.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from monodepth_ros.messages.decode import NS_PER_S, stamp_ns

# How many images of one eye wait for their partner before the oldest is given up.
WAITING = 16
OTHER_EYE = {'left': 'right', 'right': 'left'}


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


class PairMatcher:
    """
    Pairs images by their stamps, approximately, in the order of time.

    `unpaired` counts the images that were given up; `apart_ns` is how far the last of them was
    from the nearest image of the other eye, None while that eye sent nothing.
    """

    def __init__(self, *, tolerance_ns: int) -> None:
        self.unpaired = 0
        self.apart_ns: int | None = None
        self._tolerance_ns = tolerance_ns
        self._waiting: dict[str, deque[Any]] = {eye: deque() for eye in OTHER_EYE}
        self._stamps: dict[str, deque[int]] = {eye: deque(maxlen=4 * WAITING) for eye in OTHER_EYE}

    def take(self, eye: str, message: Any) -> tuple[Any, Any] | None:
        """Use an image of an eye; (left, right) when it completes a pair."""
        stamp, other = stamp_ns(message.header), OTHER_EYE[eye]
        self._stamps[eye].append(stamp)
        partner = take_nearest(self._waiting[other], stamp, tolerance_ns=self._tolerance_ns)
        if partner is None:
            self._waiting[eye].append(message)
            if len(self._waiting[eye]) > WAITING:
                self._give_up_oldest(eye)
            return None
        # A topic delivers in order: what waits from before a pair stays alone.
        self._give_up_before(eye, stamp)
        self._give_up_before(other, stamp_ns(partner.header))
        return (message, partner) if eye == 'left' else (partner, message)

    def _give_up_before(self, eye: str, stamp: int) -> None:
        waiting = self._waiting[eye]
        while waiting and stamp_ns(waiting[0].header) < stamp:
            self._give_up_oldest(eye)

    def _give_up_oldest(self, eye: str) -> None:
        stamp = stamp_ns(self._waiting[eye].popleft().header)
        self.unpaired += 1
        apart = (abs(stamp - other) for other in self._stamps[OTHER_EYE[eye]])
        self.apart_ns = min(apart, default=None)


class RateLimit:
    """
    Thins a stream out to a mean rate, by stamps alone: a replay at any speed gives the same.

    A stamp up to half a period early is admitted, so that a camera of just this rate loses
    nothing to its jitter; the next one is due a period after this one was.
    """

    def __init__(self, max_rate_hz: float) -> None:
        self._period_ns = round(NS_PER_S / max_rate_hz)
        self._due_ns: int | None = None

    def is_due(self, stamp: int) -> bool:
        """Whether the stamp is far enough from the last one admitted; stamps must rise."""
        return self._due_ns is None or stamp >= self._due_ns - self._period_ns // 2

    def admit(self, stamp: int) -> None:
        """Count one that is due."""
        due_ns = stamp if self._due_ns is None else self._due_ns
        behind = stamp >= due_ns + self._period_ns  # after a gap nothing is made up for
        self._due_ns = (stamp if behind else due_ns) + self._period_ns
