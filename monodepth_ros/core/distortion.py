"""
Lens distortion as named in sensor_msgs/CameraInfo: from the rays of a camera to its raw pixels.

plumb_bob and rational_polynomial: OpenCV's pinhole models of 4 to 14 coefficients. equidistant:
OpenCV's fisheye model, theta_d = theta (1 + k1 theta^2 + k2 theta^4 + k3 theta^6 + k4 theta^8).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
import math

import cv2
import numpy as np
from numpy.typing import NDArray

from monodepth_ros.core.camera import Camera, Intrinsics
from monodepth_ros.core.lens_model_names import EQUIDISTANT

# Raw coordinates of a ray outside the range of the lens model.
OUTSIDE_PX = -10_000.0
STEPS = 10_001
WIDEST_RADIUS = 10.0  # tan of 84 degrees

Array = NDArray[np.float64]


def raw_from_rectified(
    camera: Camera, rectified: Intrinsics
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """
    Return the raw column and row of every pixel of a rectified camera, (H, W) float32 each.

    They are OUTSIDE_PX where the ray is beyond radius_limit.
    """
    size = (rectified.width, rectified.height)
    model = cv2.fisheye if camera.distortion_model == EQUIDISTANT else cv2
    maps = model.initUndistortRectifyMap(
        *_k_and_d(camera), camera.rotation, rectified.matrix(), size, cv2.CV_32FC1
    )
    unseen = _ray_radius(camera, rectified) >= radius_limit(camera)
    for coordinates in maps:
        coordinates[unseen] = OUTSIDE_PX
    return np.asarray(maps[0], np.float32), np.asarray(maps[1], np.float32)


def raw_from_rays(camera: Camera, rays: Array) -> Array:
    """
    Return the raw columns and rows of rays, (2, N), without a jump where a lens folds.

    A ray beyond radius_limit is placed like the one at the limit, in the same direction: the
    distorted radius stands still there, so a slightly different limit moves it by next to nothing.

    rays: (3, N) in the axes of the rectified image.
    """
    x, y, z = camera.rotation.T @ rays
    z = np.maximum(z, np.hypot(x, y) / min(radius_limit(camera), WIDEST_RADIUS))
    model = cv2.fisheye if camera.distortion_model == EQUIDISTANT else cv2
    points, none = np.stack([x, y, z], axis=-1)[:, np.newaxis], np.zeros(3)
    pixels, _ = model.projectPoints(points, none, none, *_k_and_d(camera))
    return np.asarray(pixels, np.float64).reshape(-1, 2).T


def radius_limit(camera: Camera) -> float:
    """
    Return the ray radius (tan of the angle) at which the distorted radius stops growing, or inf.

    Rays beyond it fold back into the image, where a pixel shows something else.
    """
    return _radius_limit(camera.distortion_model, camera.d)


# Each camera_info is compared with the cameras in use, whose lenses stay the same.
@lru_cache(maxsize=16)
def _radius_limit(distortion_model: str, d: tuple[float, ...]) -> float:
    if distortion_model == EQUIDISTANT:
        at = _first_shrinking(_equidistant(d), np.linspace(0.0, math.pi / 2, STEPS))
        return math.inf if at is None else math.tan(at)
    at = _first_shrinking(_radial(d), np.linspace(0.0, WIDEST_RADIUS, STEPS))
    return math.inf if at is None else at


def _k_and_d(camera: Camera) -> tuple[Array, Array]:
    return np.reshape(camera.k, (3, 3)), np.array(camera.d) if camera.d else np.zeros(5)


def _radial(d: tuple[float, ...]) -> Callable[[Array], Array]:
    k1, k2, _, _, k3, k4, k5, k6 = (*d, *(0.0,) * 8)[:8]

    def distorted(radius: Array) -> Array:
        r2 = radius**2
        over = 1 + r2 * (k1 + r2 * (k2 + r2 * k3))
        under = 1 + r2 * (k4 + r2 * (k5 + r2 * k6))
        # A denominator of zero is a pole: rays beyond it have no image.
        return np.where(np.minimum.accumulate(under) > 0, radius * over / under, -np.inf)

    return distorted


def _equidistant(d: tuple[float, ...]) -> Callable[[Array], Array]:
    k1, k2, k3, k4 = d

    def distorted(theta: Array) -> Array:
        t2 = theta**2
        return theta * (1 + t2 * (k1 + t2 * (k2 + t2 * (k3 + t2 * k4))))

    return distorted


def _first_shrinking(distorted: Callable[[Array], Array], values: Array) -> float | None:
    with np.errstate(divide='ignore', invalid='ignore'):
        growing = np.diff(distorted(values)) > 0
    return None if growing.all() else float(values[np.argmin(growing)])


def _ray_radius(camera: Camera, rectified: Intrinsics) -> Array:
    """
    Return tan of the angle between each rectified pixel's ray and the raw optical axis.

    The result is (H, W) float64, inf for rays behind the camera.
    """
    u, v = np.arange(rectified.width), np.arange(rectified.height)[:, None]
    x, y = rectified.to_rays(u, v)
    # Row vectors: (x, y, 1) @ R equals R transposed @ (x, y, 1).
    raw_x, raw_y, raw_z = (
        x * column[0] + y * column[1] + column[2] for column in camera.rotation.T
    )
    with np.errstate(divide='ignore', invalid='ignore'):
        radius = np.hypot(raw_x, raw_y) / raw_z
    return np.where(raw_z > 0, radius, np.inf)
