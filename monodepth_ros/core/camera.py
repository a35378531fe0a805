"""
Pinhole intrinsics and calibrated cameras, as plain numbers.

An integer pixel coordinate is a pixel centre; (0, 0) is the top-left pixel.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from monodepth_ros.core.lens_model_names import lens_model, PLUMB_BOB

Array = NDArray[np.float64]

IDENTITY_3X3 = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)
# Calibration files store R with at least 4 digits.
MAX_ROTATION_ERROR = 1e-3
# From stereo endoscopes to cameras at the two ends of a lorry.
MIN_BASELINE_M, MAX_BASELINE_M = 0.005, 5.0
MM_PER_M = 1000


@dataclass(frozen=True)
class Intrinsics:
    """A distortion-free pinhole camera: focal lengths and principal point in px of its image."""

    fx: float
    fy: float
    cx: float
    cy: float
    width: int
    height: int

    def __post_init__(self) -> None:
        numbers = (self.fx, self.fy, self.cx, self.cy)
        if not all(math.isfinite(number) for number in numbers) or min(self.fx, self.fy) <= 0:
            raise ValueError(f'got {self}, expected finite numbers and positive focal lengths')
        if min(self.width, self.height) <= 0:
            raise ValueError(f'got an image of {self.width} x {self.height}, expected pixels')

    @classmethod
    def from_matrix(cls, matrix: NDArray[np.float64], *, width: int, height: int) -> Intrinsics:
        """Take fx, fy, cx, cy from a (3, 3) or (3, 4) K or P."""
        fx, fy, cx, cy = (float(matrix[at]) for at in ((0, 0), (1, 1), (0, 2), (1, 2)))
        return cls(fx, fy, cx, cy, width, height)

    def matrix(self) -> NDArray[np.float64]:
        """Return K, (3, 3)."""
        return np.array([[self.fx, 0, self.cx], [0, self.fy, self.cy], [0, 0, 1]], np.float64)

    def to_rays(self, u: NDArray[Any], v: NDArray[Any]) -> tuple[Array, Array]:
        """Return x and y, where z is 1, of the rays through pixels at (u, v) px, of any shape."""
        return (u - self.cx) / self.fx, (v - self.cy) / self.fy

    def to_pixels(self, x: Array, y: Array) -> tuple[Array, Array]:
        """Return where rays through (x, y, 1) fall, u and v in px; the inverse of to_rays."""
        return x * self.fx + self.cx, y * self.fy + self.cy

    def scaled_to(self, *, width: int, height: int) -> Intrinsics:
        """Return the same view at another size, pixel centres mapped as cv2.resize does."""
        sx, sy = width / self.width, height / self.height
        cx, cy = (self.cx + 0.5) * sx - 0.5, (self.cy + 0.5) * sy - 0.5
        return Intrinsics(self.fx * sx, self.fy * sy, cx, cy, width, height)

    def cropped(self, *, left: int, top: int, width: int, height: int) -> Intrinsics:
        """Return the intrinsics of a window of width x height px with first pixel (left, top)."""
        return Intrinsics(self.fx, self.fy, self.cx - left, self.cy - top, width, height)

    def as_dict(self) -> dict[str, float]:
        """Return {fx, fy, cx, cy, width, height}, as calib.json and ModelSpec store them."""
        return asdict(self)


@dataclass(frozen=True)
class StereoCalibration:
    """
    Intrinsics shared by both rectified views, and the distance between the optical centres.

    Raises ValueError for an implausible baseline, see check_baseline.
    """

    intrinsics: Intrinsics
    baseline_m: float

    def __post_init__(self) -> None:
        check_baseline(self.baseline_m)


@dataclass(frozen=True)
class Camera:
    """
    A calibrated camera: the numbers of sensor_msgs/CameraInfo for one image.

    k, d, r, p: row-major tuples of 9, n, 9 and 12 numbers as in CameraInfo.msg. Drivers leave r
    and p out, so an all-zero r is read as identity, and a p with p[0] = 0 as K.
    distortion_model: a name of lens_model_names after construction.
    frame_r: R of the raw camera, whose frame_id the image carries, where the image is rectified
    already; see as_rectified.
    Raises ValueError for an uncalibrated camera (k[0] = 0), an unknown lens model, an r that is no
    rotation, or impossible numbers.
    """

    width: int
    height: int
    k: tuple[float, ...]
    d: tuple[float, ...] = ()
    r: tuple[float, ...] = IDENTITY_3X3
    p: tuple[float, ...] = (0.0,) * 12
    distortion_model: str = PLUMB_BOB
    frame_r: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        for name, values, length in (('K', self.k, 9), ('R', self.r, 9), ('P', self.p, 12)):
            if len(values) != length:
                raise ValueError(f'camera_info: {name} has {len(values)} numbers, not {length}')
        if not all(math.isfinite(value) for value in (*self.k, *self.d, *self.r, *self.p)):
            raise ValueError('camera_info holds NaN or infinity; calibrate the camera again')
        if self.k[0] <= 0:
            raise ValueError(
                f'camera_info has K[0] = {self.k[0]:g} (uncalibrated), expected the focal length '
                'in px; calibrate the camera, e.g. with `ros2 run camera_calibration`'
            )
        _ = self.intrinsics, self.rectified  # raise ValueError for an impossible K or P
        _check_rotation(self.rotation)
        model, d = lens_model(self.distortion_model, self.d)
        object.__setattr__(self, 'distortion_model', model)
        object.__setattr__(self, 'd', d)

    @classmethod
    def pinhole(cls, intrinsics: Intrinsics) -> Camera:
        """Return the distortion-free camera of these intrinsics."""
        k = tuple(intrinsics.matrix().ravel().tolist())
        return cls(intrinsics.width, intrinsics.height, k)

    @property
    def intrinsics(self) -> Intrinsics:
        """Return K of the image as received."""
        matrix = np.reshape(self.k, (3, 3))
        return Intrinsics.from_matrix(matrix, width=self.width, height=self.height)

    @property
    def rectified(self) -> Intrinsics:
        """Return the intrinsics of the rectified image: P[:3, :3], or K where P is missing."""
        matrix = np.reshape(self.p, (3, 4)) if self.p[0] else np.reshape(self.k, (3, 3))
        return Intrinsics.from_matrix(matrix, width=self.width, height=self.height)

    @property
    def offset_m(self) -> float:
        """Return -P[3] / P[0]: how far right of the rectified rig's origin this camera is."""
        return -self.p[3] / self.p[0] if self.p[0] else 0.0

    @property
    def rotation(self) -> NDArray[np.float64]:
        """Return rectified_from_raw, (3, 3): from the image's axes to the rectified image's."""
        return _rotation(self.r)

    @property
    def rectified_from_frame(self) -> NDArray[np.float64]:
        """Return (3, 3), from the axes of the image's frame_id to those of the rectified image."""
        return self.rotation if self.frame_r is None else _rotation(self.frame_r)

    def check_image(self, shape: tuple[int, ...]) -> None:
        """Raise ValueError for an array whose height and width are not those of this camera."""
        if shape[:2] != (self.height, self.width):
            raise ValueError(
                f'got an image of {shape[1]} x {shape[0]}, expected {self.width} x {self.height} '
                'as its camera_info says'
            )

    def as_rectified(self) -> Camera:
        """
        Return the camera of the rectified image: K = P[:3, :3], D = 0, R = I.

        The image still carries the raw camera's frame_id, as with image_proc.
        """
        k = tuple(self.rectified.matrix().ravel().tolist())
        return replace(self, k=k, d=(), r=IDENTITY_3X3, frame_r=self.r)


def camera_of_images(
    *,
    rectified: bool,
    d: tuple[float, ...],
    distortion_model: str,
    **numbers: Any,
) -> Camera:
    """
    Return the camera of the images that a calibration describes.

    rectified: the images are rectified already; P describes them, and the lens model is ignored.
    d, distortion_model, numbers: as in Camera, which raises ValueError.
    """
    if rectified:
        return Camera(**numbers).as_rectified()
    return Camera(**numbers, d=d, distortion_model=distortion_model)


def is_rectified_topic(topic: str) -> bool:
    """Return whether a topic (full name) has rectified images, by image_proc's naming."""
    return 'image_rect' in topic


def stereo_baseline_m(left: Camera, right: Camera) -> float:
    """
    Return the distance from the left camera to the right one; negative if they are swapped.

    B = b_right - b_left with b = -P[3] / P[0] of each camera; neither needs to be the origin.
    """
    return right.offset_m - left.offset_m


def check_baseline(baseline_m: float) -> None:
    """Raise ValueError, with the likely mistake, for a baseline outside 5 mm .. 5 m."""
    if MIN_BASELINE_M <= baseline_m <= MAX_BASELINE_M:
        return
    if baseline_m == 0:
        slip = 'both cameras have the same P[3], expected -fx * baseline in the right one'
    elif baseline_m < 0:
        slip = 'left and right may be swapped, or the sign of P[3] = -fx * baseline is wrong'
    elif baseline_m > MAX_BASELINE_M and baseline_m / MM_PER_M <= MAX_BASELINE_M:
        slip = f'is it in mm? That would be {baseline_m / MM_PER_M:g} m'
    else:
        slip = 'P[3] of the right camera is -fx * baseline in px * m'
    raise ValueError(
        f'got a baseline of {baseline_m:g} m, expected {MIN_BASELINE_M:g} to {MAX_BASELINE_M:g} '
        f'm: {slip}'
    )


def _rotation(r: tuple[float, ...]) -> NDArray[np.float64]:
    return np.reshape(r if any(r) else IDENTITY_3X3, (3, 3)).astype(np.float64)


def _check_rotation(rotation: NDArray[np.float64]) -> None:
    error = float(np.abs(rotation @ rotation.T - np.eye(3)).max())
    if error > MAX_ROTATION_ERROR or np.linalg.det(rotation) < 0:
        raise ValueError(
            f'camera_info: R is no rotation (R R^T is {error:.2g} off the identity, its '
            f'determinant {np.linalg.det(rotation):.2g}), expected one to {MAX_ROTATION_ERROR}; '
            'calibrate the camera again'
        )
