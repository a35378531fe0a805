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
    """
    Look up a depth map along the rays of another camera at the same place, nearest pixel.

    Returns (H, W) float32 metres, NaN where the source does not see.
    """
    camera = source.camera
    if camera == target:
        return source.depth_m
    rays = target.to_rays(np.arange(target.width), np.arange(target.height))
    columns, rows = (np.rint(at).astype(int) for at in camera.to_pixels(*rays))
    seen_x = (columns >= 0) & (columns < camera.width)
    seen_y = (rows >= 0) & (rows < camera.height)
    result = np.full((target.height, target.width), np.nan, np.float32)
    result[np.ix_(seen_y, seen_x)] = source.depth_m[np.ix_(rows[seen_y], columns[seen_x])]
    return result
