"""Distance in pixels between two calibrations of one camera."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from monodepth_ros.core.camera import Camera, Intrinsics
from monodepth_ros.core.distortion import raw_from_rectified

Array = NDArray[np.float64]
# Points on each side of the rectified image: corners, middles of the sides, and the centre.
POINTS = 3


def shift_px(camera: Camera, other: Camera) -> float:
    """
    Return how far rays move at most if `other` is used instead of `camera`, in px.

    The rays go through corners, middles of the sides and centre of the rectified image of
    `camera`. They are compared in the raw image (K, D and R), in the rectified image (P, of points
    1 m away), and in the axes of frame_id. Returns inf for images of another size.
    """
    if (camera.width, camera.height) != (other.width, other.height):
        return math.inf
    grid, focal_px = _corners(camera.rectified), camera.rectified.fx
    apart = _places_px(camera, grid, focal_px) - _places_px(other, grid, focal_px)
    return float(np.linalg.norm(apart, axis=0).max())


def _corners(view: Intrinsics) -> Intrinsics:
    """Return the camera whose POINTS x POINTS pixels reach from corner to corner of the view."""
    sx, sy = ((POINTS - 1) / max(length - 1, 1) for length in (view.width, view.height))
    return Intrinsics(view.fx * sx, view.fy * sy, view.cx * sx, view.cy * sy, POINTS, POINTS)


def _places_px(camera: Camera, grid: Intrinsics, focal_px: float) -> Array:
    """
    Return the positions of the rays of grid's pixels, (3, 3, POINTS, POINTS).

    The first axis is the coordinate, the second the image: raw, rectified, and frame at focal_px.
    Unused coordinates are 0.
    """
    x, y = grid.to_rays(*np.meshgrid(np.arange(POINTS), np.arange(POINTS)))
    none, view = np.zeros_like(x), camera.rectified
    raw: list[NDArray[Any]] = [*raw_from_rectified(camera, grid), none]
    rectified = [*view.to_pixels(x - camera.offset_m, y), none]
    rays = np.stack([x, y, np.ones_like(x)])
    in_frame = focal_px * np.tensordot(camera.rectified_from_frame.T, rays, axes=1)
    return np.stack([np.stack(raw), np.stack(rectified), in_frame], axis=1)
