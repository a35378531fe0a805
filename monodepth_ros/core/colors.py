"""Depth as colours: one table and one scale for rviz, recordings and reports."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from monodepth_ros.core.choices import COLOR_MAP, COLOR_MAPS, FAR_M, NEAR_M

# The upper 18 of a float's 32 bits choose the colour: sign, exponent and 9 bits of the fraction.
# They are depth in steps of 0.2 %, and a colour is 1.5 % wide.
_DROPPED_BITS = 14
_CODES = 1 << (32 - _DROPPED_BITS)


def color_table(name: str = COLOR_MAP) -> NDArray[np.uint8]:
    """
    Return the colours of one of COLOR_MAPS, the nearest first.

    Returns (256, 3) uint8 RGB: OpenCV's map in reverse, so that its red or bright end is near.
    Raises ValueError for another name.
    """
    if name not in COLOR_MAPS:
        raise ValueError(f'got colour map {name!r}, expected one of {COLOR_MAPS}')
    levels = np.arange(256, dtype=np.uint8)[:, None]
    bgr = cv2.applyColorMap(levels, getattr(cv2, f'COLORMAP_{name.upper()}'))
    return np.array(bgr[::-1, 0, ::-1], np.uint8)


class DepthColors:
    """
    Colours of depth over a fixed range, so that a colour means the same metres in every frame.

    color_map: one of COLOR_MAPS.
    near_m, far_m: the range, divided into 256 colours evenly in the logarithm of depth.
    Raises ValueError unless 0 < near_m < far_m < inf.
    """

    def __init__(
        self, color_map: str = COLOR_MAP, *, near_m: float = NEAR_M, far_m: float = FAR_M
    ) -> None:
        if not 0 < near_m < far_m < np.inf:
            raise ValueError(
                f'got colours from {near_m} m to {far_m} m, expected 0 < near < far, both finite'
            )
        fraction = np.arange(1, 256) / 256
        starts_m = (near_m * (far_m / near_m) ** fraction).astype(np.float32)
        depth_m = (np.arange(_CODES, dtype=np.uint32) << _DROPPED_BITS).view(np.float32)
        rgb0 = np.zeros((_CODES, 4), np.uint8)
        rgb0[:, :3] = color_table(color_map)[np.searchsorted(starts_m, depth_m, side='right')]
        rgb0[np.isnan(depth_m)] = 0
        self._rgb0_of_code = rgb0.view(np.uint32)[:, 0]
        self._resize((0, 0))

    def paint(self, depth_m: NDArray[np.float32]) -> NDArray[np.uint8]:
        """
        Return the colours of a depth image.

        depth_m: (H, W) float32 metres. Depth below the range (also -inf) gets the first colour,
        depth beyond it (also +inf) the last, and NaN is black.
        Returns (H, W, 3) uint8 RGB, an array that the next call overwrites.
        """
        if depth_m.shape != self._codes.shape:
            self._resize(depth_m.shape)
        bits = np.ascontiguousarray(depth_m).view(np.uint32)
        np.right_shift(bits, _DROPPED_BITS, out=self._codes, casting='unsafe')
        # The default mode copies `out`, to restore it after an error.
        np.take(self._rgb0_of_code, self._codes, out=self._rgb0, mode='clip')
        # A gather of 32 bits and a conversion take half the time of a gather of three bytes.
        rgb0 = self._rgb0.view(np.uint8).reshape(*depth_m.shape, 4)
        cv2.cvtColor(rgb0, cv2.COLOR_RGBA2RGB, self._rgb)
        return self._rgb

    def _resize(self, shape: tuple[int, ...]) -> None:
        self._codes = np.empty(shape, np.intp)
        self._rgb0 = np.empty(shape, np.uint32)
        self._rgb = np.empty((*shape, 3), np.uint8)
