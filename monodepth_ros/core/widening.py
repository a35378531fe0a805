"""How far the network's input reaches: the canonical camera, widened to what a live one sees."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from monodepth_ros.core.camera import Intrinsics

# Of the canonical image: inference costs so many times more at most.
MAX_AREA = 2


def widened(
    canonical: Intrinsics, live: Intrinsics, live_valid: NDArray[np.bool_], *, stride: int
) -> Intrinsics:
    """
    The canonical camera with as many more columns on each side as the live view fills.

    live: the rectified live camera; live_valid (h, w) bool: where its raw image holds the pixel.
    The focal length stays, the width stays a multiple of stride, the area at most MAX_AREA times
    the canonical one; a stride is added where the view fills at least half of it. A view that is
    narrower than the canonical one does not shrink it.

    No rows are added: a network learns how far the ground is at each row of its input, and one
    that has more of them is wrong in all (docs/design.md has figures).
    """
    rows = (np.arange(live.height) - live.cy) / live.fy * canonical.fy + canonical.cy
    seen_rows = live_valid[(rows > -0.5) & (rows < canonical.height - 0.5)]
    columns = np.flatnonzero(seen_rows.any(axis=0))
    if not columns.size:
        return canonical
    # Outer edges of the first and last column seen, not their centres.
    ends = (np.array([columns[0] - 0.5, columns[-1] + 0.5]) - live.cx) / live.fx
    first, last = ends * canonical.fx + canonical.cx
    before = max(0, math.ceil(-0.5 - first - 1e-6))
    after = max(0, math.ceil(last - (canonical.width - 0.5) - 1e-6))
    wanted = before + after
    added = min(math.floor(wanted / stride + 0.5) * stride, (MAX_AREA - 1) * canonical.width)
    # What rounding adds goes to both sides.
    spare = max(0, added - wanted)
    left = round((added - spare) * before / max(wanted, 1)) + spare // 2
    return canonical.cropped(
        left=-left, top=0, width=canonical.width + added, height=canonical.height
    )
