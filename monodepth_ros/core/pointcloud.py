"""Depth to organised point clouds."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from monodepth_ros.core.camera import Intrinsics


class CloudPacker:
    """
    Packs depth and colours of one camera into x, y, z, rgb points, into a buffer it reuses.

    stride: every stride-th row and column becomes a point.
    """

    def __init__(self, intrinsics: Intrinsics, *, stride: int = 1) -> None:
        self._stride = stride
        columns = np.arange(0, intrinsics.width, stride)
        rows = np.arange(0, intrinsics.height, stride)
        x = (columns - intrinsics.cx) / intrinsics.fx
        y = (rows - intrinsics.cy) / intrinsics.fy
        self._x, self._y = (grid.astype(np.float32) for grid in np.meshgrid(x, y))
        self._points = np.empty((rows.size, columns.size, 4), np.float32)
        self._bgr0 = np.zeros((rows.size, columns.size, 4), np.uint8)

    def pack(
        self, depth_m: NDArray[np.float32], color_rgb: NDArray[np.uint8]
    ) -> NDArray[np.float32]:
        """
        Points of the optical frame (REP 103: z forward, x right, y down).

        depth_m: (H, W) float32 metres; color_rgb: (H, W, 3) uint8, aligned with it.
        Returns (h, w, 4) float32: x, y, z in metres, NaN where depth is not finite, and the
        colour as bytes B, G, R, 0. The array is overwritten by the next call.
        """
        depth_m = depth_m[:: self._stride, :: self._stride]
        z = np.where(np.isfinite(depth_m), depth_m, np.float32(np.nan))
        color = np.ascontiguousarray(color_rgb[:: self._stride, :: self._stride])
        cv2.mixChannels([color], [self._bgr0], [0, 2, 1, 1, 2, 0])
        rgb_bits = self._bgr0.view(np.float32)[..., 0]
        cv2.merge([z * self._x, z * self._y, z, rgb_bits], self._points)
        return self._points
