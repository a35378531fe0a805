"""Depth with its camera, and its resampling for another camera at the same place."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from monodepth_ros.core.camera import Intrinsics


class DepthMap(NamedTuple):
    """Depth, (H, W) float32 metres, NaN where unknown, and the camera that sees it."""

    depth_m: np.ndarray
    camera: Intrinsics


def resample(source: DepthMap, target: Intrinsics) -> np.ndarray:
    """Return a depth map as look_up does, (H, W) float32 metres."""
    return look_up(source.depth_m, source.camera, target)


def look_up(values: np.ndarray, source: Intrinsics, target: Intrinsics) -> np.ndarray:
    """
    Look up values along the rays of another camera at the same place, nearest pixel.

    values: (h, w) float32 of the source camera.
    Returns (H, W) float32 of the target camera, NaN where the source does not see.
    """
    if source == target:
        return values
    rays = target.to_rays(np.arange(target.width), np.arange(target.height))
    columns, rows = (np.rint(at).astype(int) for at in source.to_pixels(*rays))
    seen_x = (columns >= 0) & (columns < source.width)
    seen_y = (rows >= 0) & (rows < source.height)
    result = np.full((target.height, target.width), np.nan, np.float32)
    result[np.ix_(seen_y, seen_x)] = values[np.ix_(rows[seen_y], columns[seen_x])]
    return result
