"""Distance in pixels between two calibrations of one camera."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from monodepth_ros.core.camera import Camera, Intrinsics
from monodepth_ros.core.distortion import raw_from_rays

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
    rays, focal_px = _rays(camera.rectified), camera.rectified.fx
    apart = _places_px(camera, rays, focal_px) - _places_px(other, rays, focal_px)
    return float(np.linalg.norm(apart, axis=0).max())


def _rays(view: Intrinsics) -> Array:
    """Return the rays of POINTS x POINTS pixels from corner to corner of the view, (3, N)."""
    columns, rows = (np.linspace(0, size - 1, POINTS) for size in (view.width, view.height))
    x, y = view.to_rays(*np.meshgrid(columns, rows))
    return np.stack([x.ravel(), y.ravel(), np.ones(x.size)])


def _places_px(camera: Camera, rays: Array, focal_px: float) -> Array:
    """
    Return the positions of rays, (3, 3, N).

    The first axis is the coordinate, the second the image: raw, rectified, and frame at focal_px.
    Unused coordinates are 0.
    """
    x, y, _ = rays
    none = np.zeros_like(x)
    raw = [*raw_from_rays(camera, rays), none]
    rectified = [*camera.rectified.to_pixels(x - camera.offset_m, y), none]
    in_frame = focal_px * (camera.rectified_from_frame.T @ rays)
    return np.stack([raw, rectified, in_frame], axis=1)
