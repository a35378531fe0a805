"""Organised point clouds from depth."""

from __future__ import annotations

import math
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from monodepth_ros.core.camera import Intrinsics

IDENTITY = np.eye(3)


class Cloud(NamedTuple):
    """
    An organised point cloud.

    points: (h, w, n) float32, C-contiguous, in the order of the pixels.
    fields: n names.
    """

    points: NDArray[np.float32]
    fields: tuple[str, ...]


def clearing_depth(
    depth_m: NDArray[np.float32],
    confidence: NDArray[np.float32],
    *,
    range_m: float,
    min_confidence: float,
) -> NDArray[np.float32]:
    """
    Return depth for clearing an obstacle map along the ray to each point.

    depth_m: (H, W) float32 metres.
    confidence: (H, W) float32 in 0..1.
    range_m: farther depth, also +inf, is set to it.
    min_confidence: depth of lower confidence becomes NaN.
    Returns (H, W) float32 metres, NaN also where depth is NaN.
    """
    ended = np.minimum(depth_m, np.float32(range_m))
    return np.where(confidence >= min_confidence, ended, np.float32(np.nan))


class CloudPacker:
    """
    Packs depth and colours of one camera into point clouds, in buffers that it reuses.

    camera: intrinsics of the depth images.
    stride: every stride-th row and column becomes a point.
    min_depth_m, max_depth_m: depth outside this range makes no point.
    frame_from_camera: (3, 3) rotation into the axes of the points.
    Raises ValueError for a stride below 1 or an empty range.
    """

    def __init__(
        self,
        camera: Intrinsics,
        *,
        stride: int = 1,
        min_depth_m: float = 0.0,
        max_depth_m: float = math.inf,
        frame_from_camera: NDArray[np.float64] = IDENTITY,
    ) -> None:
        if stride < 1:
            raise ValueError(f'got stride {stride}, expected 1 or more')
        if not 0 <= min_depth_m < max_depth_m:
            raise ValueError(
                f'got points from {min_depth_m} m to {max_depth_m} m, expected 0 <= near < far'
            )
        self._range_m = np.float32(min_depth_m), np.float32(max_depth_m)
        self._image = camera.height, camera.width
        self._kept = slice(None, None, stride), slice(None, None, stride)
        x, y = camera.to_rays(
            np.arange(0, camera.width, stride), np.arange(0, camera.height, stride)
        )
        rays = np.stack([*np.meshgrid(x, y), np.ones((y.size, x.size))])
        # (3, h, w): the point at Z = 1 of each pixel.
        self._rays = np.tensordot(frame_from_camera, rays, axes=1).astype(np.float32)
        self._bgr0 = np.zeros((y.size, x.size, 4), np.uint8)
        self._buffers: dict[int, NDArray[np.float32]] = {}

    def pack(
        self,
        depth_m: NDArray[np.float32],
        color: NDArray[np.uint8] | None,
        flying: NDArray[np.bool_] | None = None,
    ) -> Cloud:
        """
        Return points in an optical frame (REP 103: z forward, x right, y down).

        depth_m: (H, W) float32 metres.
        color: aligned (H, W, 3) RGB or (H, W) grey uint8, or None.
        flying: (H, W) bool, pixels that make no point.
        Returns x, y, z in metres, all three NaN where there is no point: depth is not a positive
        finite number, is out of range, or flies. For RGB the field `rgb` follows, the bytes B, G,
        R, 0 in one float; for grey `intensity`, 0 to 255. The next cloud with the same number of
        fields overwrites the array. Raises ValueError for arrays that are not of the camera's
        size.
        """
        self._check_size('depth', depth_m)
        z = self._usable(depth_m, flying)
        planes, fields = [z * ray for ray in self._rays], ('x', 'y', 'z')
        if color is None:
            return Cloud(self._merged(planes), fields)
        self._check_size('colours', color)
        kept = np.ascontiguousarray(color[self._kept])
        if color.ndim == 2:
            return Cloud(self._merged([*planes, kept.astype(np.float32)]), (*fields, 'intensity'))
        cv2.mixChannels([kept], [self._bgr0], [0, 2, 1, 1, 2, 0])
        return Cloud(
            self._merged([*planes, self._bgr0.view(np.float32)[..., 0]]), (*fields, 'rgb')
        )

    def _check_size(self, name: str, array: NDArray[np.generic]) -> None:
        if array.shape[:2] != self._image:
            raise ValueError(
                f'got {name} of shape {array.shape}, expected height and width {self._image} '
                'of the camera'
            )

    def _usable(
        self, depth_m: NDArray[np.float32], flying: NDArray[np.bool_] | None
    ) -> NDArray[np.float32]:
        """Return depth of the kept rows and columns, (h, w) float32; NaN where no point is."""
        nearest_m, farthest_m = self._range_m
        z = depth_m[self._kept]
        usable = np.isfinite(z) & (z > 0) & (z >= nearest_m) & (z <= farthest_m)
        if flying is not None:
            usable &= ~flying[self._kept]
        return np.where(usable, z, np.float32(np.nan))

    def _merged(self, planes: list[NDArray[np.float32]]) -> NDArray[np.float32]:
        count = len(planes)
        if count not in self._buffers:
            self._buffers[count] = np.empty((*self._rays.shape[1:], count), np.float32)
        cv2.merge(planes, self._buffers[count])
        return self._buffers[count]
