"""Detection of points in mid-air between a surface and its background, in depth images."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

# Half sizes, in network pixels, of the windows around a point. The large window reaches across a
# whole edge; the small one separates an edge from a steep slope beside it.
REACHES = (1, 4)
# Fraction of inverse depth: a point closer than this to the front or the back surface lies on it.
MIN_GAP = 0.05

# Below the smallest normal number 1 / Z overflows.
_MIN_DEPTH_M = np.finfo(np.float32).tiny
_HUGE = np.finfo(np.float32).max


class FlyingPixels:
    """
    A detector of the pixels of depth images that lie on no surface; its buffers are reused.

    A network's disparity is smooth across the edge of an object, so pixels there are neither as
    near as the object nor as far as its background. Inverse depth is proportional to disparity and
    linear in the pixels of any plane. The *gap* of a pixel is the distance of its inverse depth to
    the largest or to the smallest value around it, whichever is closer. Across an edge the gap is
    large, but only in a narrow band; on a plane, however steep, the gap is constant, and towards a
    crease it falls. A morphological opening removes narrow bands and keeps everything wider: a
    pixel flies where the opening reduces the gap by more than MIN_GAP of the inverse depth.

    The middle of an object as narrow as its edges is not found, because nothing nearer is beside
    it.

    shape: (H, W) of the images.
    magnification: width of a network pixel in image pixels; edges are wider by the same factor.
    """

    def __init__(self, shape: tuple[int, int], *, magnification: float = 1.0) -> None:
        self._windows = [_window(reach * magnification) for reach in REACHES]
        self._behind, self._before, self._gap, self._band = (
            np.empty(shape, np.float32) for _ in range(4)
        )
        self._invalid, self._found, self._flying = (np.empty(shape, np.bool_) for _ in range(3))

    def find(self, depth_m: NDArray[np.float32]) -> NDArray[np.bool_]:
        """
        Return where points fly.

        depth_m: (H, W) float32; +inf is a background behind everything. Values that are not
        positive numbers are ignored, and their border is not an edge.
        Returns (H, W) bool, False where depth is invalid or infinite; the next call overwrites it.
        """
        self._invert(depth_m)
        self._flying.fill(False)
        for window in self._windows:
            self._measure_gap(window)
            cv2.morphologyEx(self._gap, cv2.MORPH_TOPHAT, self._windows[-1], self._band)
            least = np.multiply(self._before, MIN_GAP, out=self._gap)
            self._flying |= np.greater(self._band, least, out=self._found)
        np.copyto(self._flying, False, where=self._invalid)
        return self._flying

    def _invert(self, depth_m: NDArray[np.float32]) -> None:
        """Compute inverse depth twice: with invalid pixels behind, and with them in front."""
        valid = np.greater_equal(depth_m, _MIN_DEPTH_M, out=self._invalid)
        self._behind.fill(0)
        np.divide(1, depth_m, out=self._behind, where=valid)
        np.logical_not(valid, out=self._invalid)
        np.copyto(self._before, self._behind)
        np.copyto(self._before, _HUGE, where=self._invalid)

    def _measure_gap(self, window: NDArray[np.uint8]) -> None:
        """
        Compute the gap: the distance to the nearest or to the farthest value in a window.

        The gap is huge where depth is invalid.
        """
        to_front, to_back = self._gap, self._band
        cv2.dilate(self._behind, window, to_front)
        np.subtract(to_front, self._behind, out=to_front)
        cv2.erode(self._before, window, to_back)
        np.subtract(self._before, to_back, out=to_back)
        np.minimum(to_front, to_back, out=self._gap)
        # A huge gap continues a band across invalid pixels, because the opening takes minima.
        np.copyto(self._gap, _HUGE, where=self._invalid)


def _window(reach_px: float) -> NDArray[np.uint8]:
    side = 2 * max(1, round(reach_px)) + 1
    return np.ones((side, side), np.uint8)
