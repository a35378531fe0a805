"""Disparity to metric depth and back: Z = f * B / d."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def depth_from_disparity(
    disparity_px: NDArray[np.float32],
    *,
    focal_px: float,
    baseline_m: float,
    max_depth_m: float = np.inf,
    out: NDArray[np.float32] | None = None,
) -> NDArray[np.float32]:
    """
    Return depth along the optical axis of the left camera.

    disparity_px: float32, u_left - u_right, in pixels of the image width that focal_px refers to.
    focal_px: horizontal focal length.
    baseline_m: distance between the optical centres.
    max_depth_m: farther depth becomes +inf (REP 117: out of range).
    out: float32 array to write the result into.
    Returns float32 metres of the same shape; NaN where disparity is not a positive finite number
    (REP 118: invalid).
    """
    usable = np.isfinite(disparity_px) & (disparity_px > 0)
    depth_m = np.empty_like(disparity_px, dtype=np.float32) if out is None else out
    depth_m.fill(np.nan)
    with np.errstate(over='ignore'):  # a tiny disparity overflows to infinite depth
        np.divide(np.float32(focal_px * baseline_m), disparity_px, out=depth_m, where=usable)
    np.copyto(depth_m, np.inf, where=depth_m > max_depth_m)
    return depth_m


def disparity_from_depth(
    depth_m: NDArray[np.float32], *, focal_px: float, baseline_m: float
) -> NDArray[np.float32]:
    """
    Return the disparity of a depth, the inverse of depth_from_disparity.

    depth_m: float32 metres. Returns float32 px: 0 at infinity, NaN where depth is not positive.
    """
    disparity_px = np.full_like(depth_m, np.nan, dtype=np.float32)
    np.divide(np.float32(focal_px * baseline_m), depth_m, out=disparity_px, where=depth_m > 0)
    return disparity_px
