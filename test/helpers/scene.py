"""
A room of planes with exact depth along any ray, pictures of it, and who reads them without error.

The colours of a picture state the depth: so a "network" can be right about any image it is given,
and wrong as soon as the image is not what it should be.
"""

from __future__ import annotations

import cv2
import numpy as np

from monodepth_ros.core.camera import Camera, Intrinsics
from monodepth_ros.core.model_spec import ModelSpec
from monodepth_ros.inference.backend import Backend, NetworkOutput

NEAR_M, FAR_M = 0.5, 8.0
# Fronto-parallel boards: Z, x from and to, y from and to; in metres, y down.
BOARDS = ((2.5, -0.6, -0.35, -0.5, 0.4), (4.0, 0.6, 1.1, -0.8, 0.3))
# Near walls, so that even a narrow view holds slopes: half a pixel off is 1 % of depth there.
FLOOR_Y_M, RIGHT_X_M, LEFT_X_M, CEILING_Y_M = 0.5, 1.2, -0.8, -1.0
LEVELS = 3 * 255


def depth_along(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Z in metres, NEAR_M to FAR_M, where rays (x, y, 1) end; x and y of one shape."""
    with np.errstate(divide='ignore'):
        depth_m = np.minimum.reduce(
            [
                np.full(x.shape, FAR_M),
                *(np.where(side > 0, side, np.inf) for side in (FLOOR_Y_M / y, CEILING_Y_M / y)),
                *(np.where(side > 0, side, np.inf) for side in (RIGHT_X_M / x, LEFT_X_M / x)),
            ]
        )
    for z, left, right, top, bottom in BOARDS:
        on_board = (left <= x * z) & (x * z <= right) & (top <= y * z) & (y * z <= bottom)
        depth_m = np.where(on_board, np.minimum(depth_m, z), depth_m)
    return np.clip(depth_m, NEAR_M, FAR_M)


def true_depth(camera: Intrinsics) -> np.ndarray:
    """(H, W) Z in metres of a rectified camera at the origin."""
    u, v = np.meshgrid(np.arange(camera.width), np.arange(camera.height))
    return depth_along((u - camera.cx) / camera.fx, (v - camera.cy) / camera.fy)


def picture(camera: Camera) -> np.ndarray:
    """
    What a raw camera, whose rectified frame is at the origin, sees: (H, W, 3) uint8.

    The sum of the channels states log Z: see stated_depth.
    """
    u, v = np.meshgrid(np.arange(camera.width), np.arange(camera.height))
    pixels = np.stack([u, v], axis=-1).reshape(-1, 1, 2).astype(np.float64)
    raw = _undistorted(pixels, camera)
    x, y, z = camera.rotation @ np.vstack([raw.T, np.ones(len(raw))])
    return _stating(depth_along(x / z, y / z)).reshape(camera.height, camera.width, 3)


def stated_depth(image: np.ndarray) -> np.ndarray:
    """Z in metres that the colours of a picture state, (H, W), to 0.4 %."""
    fraction = image.sum(axis=-1, dtype=np.float64) / LEVELS
    return NEAR_M * (FAR_M / NEAR_M) ** fraction


def seen(camera: Camera) -> np.ndarray:
    """(H, W) bool: rectified pixels whose rays OpenCV projects into the raw image."""
    rectified = camera.rectified
    u, v = np.meshgrid(np.arange(rectified.width), np.arange(rectified.height))
    x, y = (u - rectified.cx) / rectified.fx, (v - rectified.cy) / rectified.fy
    rays = np.stack([x, y, np.ones_like(x)], axis=-1).reshape(-1, 3) @ camera.rotation
    project = cv2.fisheye.projectPoints if _is_fisheye(camera) else cv2.projectPoints
    k, d, zero = np.reshape(camera.k, (3, 3)), np.array(camera.d or (0.0,) * 4), np.zeros((3, 1))
    raw = project(rays[:, None], zero, zero, k, d)[0].reshape(-1, 2)
    inside = ((raw > -0.5) & (raw < (camera.width - 0.5, camera.height - 0.5))).all(axis=1)
    return (inside & (rays[:, 2] > 0)).reshape(u.shape)


class Oracle:
    """An Engine that reads the true canonical disparity off pictures of the room."""

    def __init__(self, camera: Intrinsics) -> None:
        self._spec = ModelSpec(
            camera=camera,
            baseline_m=0.4,
            depth_range_m=(NEAR_M / 2, 2 * FAR_M),
            stride=32,
            training_fx_px=(camera.fx, camera.fx),
            encoder='none',
            training_data=('made by hand',),
            data_licence='none',
            git_commit='unknown',
        )
        # What it was last shown.
        self.image = np.zeros((camera.height, camera.width, 3), np.uint8)

    def backend(self) -> Backend:
        """The Backend over it."""
        return Backend(
            'oracle',
            self._spec,
            has_confidence=False,
            precision='fp32',
            make_engine=lambda **_: self,
        )

    def submit(self, image: np.ndarray, out: NetworkOutput) -> None:
        """See Engine.submit."""
        self.image = image
        camera = self._spec.camera
        disparity_px = camera.fx * self._spec.baseline_m / stated_depth(image)
        out.disparity_frac[:] = disparity_px / camera.width

    def collect(self) -> None:
        """See Engine.collect."""

    def close(self) -> None:
        """See Engine.close."""


def _undistorted(pixels: np.ndarray, camera: Camera) -> np.ndarray:
    """(N, 1, 2) raw pixels to (N, 2) rays of the raw camera at z = 1."""
    k, d = np.reshape(camera.k, (3, 3)), np.array(camera.d or (0.0,) * 4)
    if _is_fisheye(camera):
        return cv2.fisheye.undistortPoints(pixels, k, d)[:, 0]
    # Five iterations, the default, leave a quarter of a pixel; OpenCV 5 renamed the function.
    undistort = getattr(cv2, 'undistortPointsIter', cv2.undistortPoints)
    precise = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 100, 1e-10)
    return undistort(pixels, k, d, R=np.eye(3), P=np.eye(3), criteria=precise)[:, 0]


def _is_fisheye(camera: Camera) -> bool:
    return camera.distortion_model == 'equidistant'


def _stating(depth_m: np.ndarray) -> np.ndarray:
    # One channel after the other, so that 765 levels interpolate and average as one number.
    level = LEVELS * np.log(depth_m / NEAR_M) / np.log(FAR_M / NEAR_M)
    return np.rint(np.clip(level[:, None] - (0, 255, 510), 0, 255)).astype(np.uint8)
