"""Messages by their stamps."""

from __future__ import annotations

from collections import deque
from types import SimpleNamespace

from monodepth_ros.storage.stamps import take_nearest
from test.helpers.recordings import header_of


def _stamped(stamp_ns):
    return SimpleNamespace(header=header_of(stamp_ns))


def test_taking_removes():
    waiting = deque([_stamped(0), _stamped(10)])
    assert take_nearest(waiting, 9, tolerance_ns=1).header.stamp.nanosec == 10
    assert take_nearest(waiting, 9, tolerance_ns=1) is None
    assert len(waiting) == 1
