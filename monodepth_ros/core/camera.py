"""
Pinhole intrinsics and calibrated cameras, as plain numbers.

An integer pixel coordinate is a pixel centre; (0, 0) is the top-left one.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
import math

import numpy as np
from numpy.typing import NDArray

IDENTITY_3X3 = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)


@dataclass(frozen=True)
class Intrinsics:
    """A distortion-free pinhole camera: focal lengths and principal point in px of its size."""

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
        """K, (3, 3)."""
        return np.array([[self.fx, 0, self.cx], [0, self.fy, self.cy], [0, 0, 1]], np.float64)

    def scaled_to(self, *, width: int, height: int) -> Intrinsics:
        """The same view resized: pixel centres keep their half pixel (METHOD of cv2.resize)."""
        sx, sy = width / self.width, height / self.height
        cx, cy = (self.cx + 0.5) * sx - 0.5, (self.cy + 0.5) * sy - 0.5
        return Intrinsics(self.fx * sx, self.fy * sy, cx, cy, width, height)

    def cropped(self, *, left: int, top: int, width: int, height: int) -> Intrinsics:
        """The window of width x height px whose first pixel is (left, top)."""
        return Intrinsics(self.fx, self.fy, self.cx - left, self.cy - top, width, height)

    def as_dict(self) -> dict[str, float]:
        """{fx, fy, cx, cy, width, height}, as calib.json and ModelSpec store them."""
        return asdict(self)


@dataclass(frozen=True)
class StereoCalibration:
    """Intrinsics shared by both rectified views, and the distance between their centres."""

    intrinsics: Intrinsics
    baseline_m: float


@dataclass(frozen=True)
class Camera:
    """
    A calibrated camera: the numbers of sensor_msgs/CameraInfo for the image it comes with.

    d, k, r, p are row-major tuples of n, 9, 9 and 12 numbers as in CameraInfo.msg. An all-zero r
    is read as identity and a p with p[0] = 0 as K, because drivers leave them out.
    Raises ValueError for an uncalibrated camera (k[0] = 0) or numbers that cannot be.
    """

    width: int
    height: int
    k: tuple[float, ...]
    d: tuple[float, ...] = ()
    r: tuple[float, ...] = IDENTITY_3X3
    p: tuple[float, ...] = (0.0,) * 12
    distortion_model: str = 'plumb_bob'

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
        Intrinsics.from_matrix(np.reshape(self.k, (3, 3)), width=self.width, height=self.height)
        _ = self.rectified  # raises where P cannot be

    @classmethod
    def pinhole(cls, intrinsics: Intrinsics) -> Camera:
        """The distortion-free camera of these intrinsics."""
        k = tuple(intrinsics.matrix().ravel().tolist())
        return cls(intrinsics.width, intrinsics.height, k)

    @property
    def rectified(self) -> Intrinsics:
        """Intrinsics of the rectified image: P[:3, :3], or K where P is not filled in."""
        matrix = np.reshape(self.p, (3, 4)) if self.p[0] else np.reshape(self.k, (3, 3))
        return Intrinsics.from_matrix(matrix, width=self.width, height=self.height)

    @property
    def baseline_m(self) -> float:
        """-P[3] / P[0]: how far to the right of the rectified pair's left camera this one is."""
        return -self.p[3] / self.p[0] if self.p[0] else 0.0

    @property
    def rotation(self) -> NDArray[np.float64]:
        """rectified_from_raw, (3, 3)."""
        return np.reshape(self.r if any(self.r) else IDENTITY_3X3, (3, 3)).astype(np.float64)

    def check_image(self, shape: tuple[int, ...]) -> None:
        """Raise ValueError for an array of another height and width than this camera's."""
        if shape[:2] != (self.height, self.width):
            raise ValueError(
                f'got an image of {shape[1]} x {shape[0]}, expected {self.width} x {self.height} '
                'as its camera_info says'
            )

    def as_rectified(self) -> Camera:
        """The camera of this one's rectified image: K = P[:3, :3], D = 0, R = I."""
        k = tuple(self.rectified.matrix().ravel().tolist())
        return replace(self, k=k, d=(), r=IDENTITY_3X3, distortion_model='plumb_bob')
