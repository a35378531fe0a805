"""How far apart two calibrations of one camera place what it sees."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from monodepth_ros.core.camera import Camera, Intrinsics
from monodepth_ros.core.distortion import raw_from_rectified

Array = NDArray[np.float64]
# Of the rectified image, on each side: corners, middles of the sides, and the centre.
POINTS = 3


def shift_px(camera: Camera, other: Camera) -> float:
    """
    Return how far the rays of `camera` move, at most, where `other` is taken for it, in px.

    Of the rays through corners, middles of the sides and centre of its rectified image: in the
    raw image (K, D and R), in the rectified image (P, of points 1 m away), and with the axes of
    frame_id. inf for images of another size.
    """
    if (camera.width, camera.height) != (other.width, other.height):
        return math.inf
    grid, focal_px = _corners(camera.rectified), camera.rectified.fx
    apart = _places_px(camera, grid, focal_px) - _places_px(other, grid, focal_px)
    return float(np.linalg.norm(apart, axis=0).max())


def _corners(view: Intrinsics) -> Intrinsics:
    """Return the camera whose POINTS x POINTS pixels lie from corner to corner of the view."""
    sx, sy = ((POINTS - 1) / max(length - 1, 1) for length in (view.width, view.height))
    return Intrinsics(view.fx * sx, view.fy * sy, view.cx * sx, view.cy * sy, POINTS, POINTS)


def _places_px(camera: Camera, grid: Intrinsics, focal_px: float) -> Array:
    """
    Return where the rays of grid's pixels are: (3, 3, POINTS, POINTS), a row a coordinate.

    In the raw image, in the rectified one, and in the frame, at focal_px; unused rows are 0.
    """
    x, y = grid.to_rays(*np.meshgrid(np.arange(POINTS), np.arange(POINTS)))
    none, view = np.zeros_like(x), camera.rectified
    raw: list[NDArray[Any]] = [*raw_from_rectified(camera, grid), none]
    rectified = [*view.to_pixels(x - camera.offset_m, y), none]
    rays = np.stack([x, y, np.ones_like(x)])
    in_frame = focal_px * np.tensordot(camera.rectified_from_frame.T, rays, axes=1)
    return np.stack([np.stack(raw), np.stack(rectified), in_frame], axis=1)
