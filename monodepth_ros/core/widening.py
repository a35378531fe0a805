"""How far the network's input reaches: the canonical camera, widened to what a live one sees."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from monodepth_ros.core.camera import Intrinsics

# Of the canonical image: inference costs so many times more at most.
MAX_AREA = 2.0


class _Reach(NamedTuple):
    """Canonical pixels that the live view shows beyond either end of an axis of `size` px."""

    size: int
    before: int
    after: int

    def rounded(self, stride: int) -> int:
        """
        The size with both, in whole strides: one more where at least half of it shows.

        At most MAX_AREA times the size, a multiple of stride.
        """
        strides = math.floor((self.before + self.after) / stride + 0.5)
        return min(self.size + strides * stride, int(MAX_AREA * self.size))

    def offset(self, size: int) -> int:
        """Where the canonical image begins in an axis widened to `size`, in shares as needed."""
        wanted, given = self.before + self.after, size - self.size
        if given >= wanted:  # what rounding adds goes to both ends
            return self.before + (given - wanted) // 2
        return round(given * self.before / wanted)


def widened(
    canonical: Intrinsics, live: Intrinsics, live_valid: NDArray[np.bool_], *, stride: int
) -> Intrinsics:
    """
    The canonical camera with as many more pixels on each side as the live view fills.

    live: the rectified live camera; live_valid (h, w) bool: where its raw image holds the pixel.
    The focal length stays, sizes stay multiples of stride, the area at most MAX_AREA times the
    canonical one. A view that is narrower than the canonical one does not shrink it.
    """
    columns, rows = (np.flatnonzero(live_valid.any(axis=axis)) for axis in (0, 1))
    if not columns.size:
        return canonical
    across = _reach(canonical.width, (canonical.fx, canonical.cx), columns, (live.fx, live.cx))
    down = _reach(canonical.height, (canonical.fy, canonical.cy), rows, (live.fy, live.cy))
    width, height = across.rounded(stride), down.rounded(stride)
    while width * height > MAX_AREA * canonical.width * canonical.height:
        # Both axes give up the same share of what they would have gained in angle.
        if width * canonical.height > height * canonical.width:
            width -= stride
        else:
            height -= stride
    left, top = across.offset(width), down.offset(height)
    return canonical.cropped(left=-left, top=-top, width=width, height=height)


def _reach(
    size: int,
    canonical: tuple[float, float],
    seen: NDArray[np.intp],
    live: tuple[float, float],
) -> _Reach:
    """canonical, live: focal length and principal point along one axis; seen: live indices."""
    # Outer edges of the first and last pixel seen, not their centres.
    ends = (np.array([seen[0] - 0.5, seen[-1] + 0.5]) - live[1]) / live[0]
    first, last = ends * canonical[0] + canonical[1]
    before = max(0, math.ceil(-0.5 - first - 1e-6))
    after = max(0, math.ceil(last - (size - 0.5) - 1e-6))
    return _Reach(size, before, after)
