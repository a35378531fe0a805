"""
The canonical camera: every live image is mapped into the camera that the network was trained as.

Both directions of the map (docs/method.md#canonical-camera). Canonical pixel (i, j) -> ray
((i - cx) / fx, (j - cy) / fy, 1) in the rectified frame -> R transposed -> distortion -> K.
Depth Z is the same in both cameras (same centre, same axes), so the way back is axis-aligned.
"""

from __future__ import annotations

from copy import copy
import math
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from monodepth_ros.core.camera import Camera, Intrinsics
from monodepth_ros.core.distortion import raw_from_rectified

# Neighbours whose disparities differ by more than this ratio lie on different surfaces: no value
# is interpolated between them.
EDGE_RATIO = 1.05
# Live pixels from one bilinear sample to the next: at 1.4 the error against a true area average
# of white noise is 40 % of its contrast, up to 1.25 at most 17 %.
MAX_STEP_PX = 1.25
# A wide 8K camera with a network of 512 columns needs 31; a larger ratio is a wrong calibration.
MAX_SHRINK = 32.0


def fit_canonical(rig: Intrinsics, *, width: int, height: int) -> Intrinsics:
    """Return the widest centred camera of width x height square pixels inside the rig's image."""
    focal_px = max(width * rig.fx / rig.width, height * rig.fy / rig.height)
    left = (rig.width - width * rig.fx / focal_px) / 2
    top = (rig.height - height * rig.fy / focal_px) / 2
    cx = (rig.cx + 0.5 - left) * focal_px / rig.fx - 0.5
    cy = (rig.cy + 0.5 - top) * focal_px / rig.fy - 0.5
    return Intrinsics(focal_px, focal_px, cx, cy, width, height)


class ImageWarp:
    """
    The map of a raw image into another pinhole camera at the same place, `target`.

    One remap undistorts, rotates, crops and scales. target: the canonical camera, a rectified or
    resized live one, or any other.

    valid: (H, W) bool, True where the raw image holds the target's pixel.
    Raises ValueError for an impossible focal length.
    """

    def __init__(self, camera: Camera, target: Intrinsics) -> None:
        self.camera = camera
        self.target = target
        self._oversampling = _oversampling(camera, target)
        fine = target.scaled_to(
            width=target.width * self._oversampling,
            height=target.height * self._oversampling,
        )
        map_x, map_y = raw_from_rectified(camera, fine)
        self.valid = self._pixel_valid(map_x, map_y)
        # Fixed-point maps: half the memory and twice the speed at 1/32 px.
        self._maps = cv2.convertMaps(map_x, map_y, cv2.CV_16SC2)

    def cropped(self, *, left: int, top: int, width: int, height: int) -> ImageWarp:
        """Return the map into a window of the target, see Intrinsics.cropped."""
        window = copy(self)
        window.target = self.target.cropped(left=left, top=top, width=width, height=height)
        window.valid = self.valid[top : top + height, left : left + width]
        fine = self._oversampling
        rows = slice(top * fine, (top + height) * fine)
        columns = slice(left * fine, (left + width) * fine)
        positions, fractions = self._maps
        window._maps = (
            np.ascontiguousarray(positions[rows, columns]),
            np.ascontiguousarray(fractions[rows, columns]),
        )
        return window

    def warp(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """
        Map an image of the raw camera into the target camera.

        image: (h, w) or (h, w, C) uint8.
        Returns (H, W) or (H, W, C) uint8; pixels outside the raw image mirror it. Raises
        ValueError for an image of another size.
        """
        self.camera.check_image(image.shape)
        warped = cv2.remap(image, *self._maps, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
        if self._oversampling > 1:
            size = (self.target.width, self.target.height)
            warped = cv2.resize(warped, size, interpolation=cv2.INTER_AREA)
        return warped.astype(np.uint8, copy=False)

    def _pixel_valid(
        self, map_x: NDArray[np.float32], map_y: NDArray[np.float32]
    ) -> NDArray[np.bool_]:
        inside = (map_x >= -0.5) & (map_x <= self.camera.width - 0.5)
        inside &= (map_y >= -0.5) & (map_y <= self.camera.height - 0.5)
        factor = self._oversampling
        blocks = inside.reshape(self.target.height, factor, self.target.width, factor)
        return np.asarray(blocks.all(axis=(1, 3)))


class PredictionWarp:
    """
    The map from arrays of the canonical camera to a rectified live camera at the same place.

    Results are written into buffers of this object: the next call of a method overwrites its
    result.

    valid: (h, w) bool, True where the canonical camera sees the live pixel.
    """

    def __init__(
        self, canonical: Intrinsics, live: Intrinsics, canonical_valid: NDArray[np.bool_]
    ) -> None:
        rays = live.to_rays(np.arange(live.width), np.arange(live.height))
        columns, rows = canonical.to_pixels(*rays)
        self._map_x, self._map_y = (
            np.ascontiguousarray(grid, np.float32) for grid in np.meshgrid(columns, rows)
        )
        self._nearest = _clipped(np.rint(rows), np.rint(columns), canonical)
        self._cell = _clipped(np.floor(rows), np.floor(columns), canonical)
        inside_x = (columns >= -0.5) & (columns <= canonical.width - 0.5)
        inside_y = (rows >= -0.5) & (rows <= canonical.height - 0.5)
        self.valid = inside_y[:, None] & inside_x & _look_up(canonical_valid, self._nearest)
        self._unseen = ~self.valid
        # The network's output for pixels outside the live view must not leak into the view.
        (self._all_seen,) = _over_cells(canonical_valid, np.logical_and)
        shape = (live.height, live.width)
        self._disparity_px, self._nearest_px = (np.empty(shape, np.float32) for _ in range(2))
        self._confidence = np.empty(shape, np.float32)
        self._edge = np.empty(shape, np.bool_)

    def warp_disparity(self, disparity_px: NDArray[np.float32]) -> NDArray[np.float32]:
        """
        Resample disparity, which is linear in 1/Z; across an edge take the nearest value.

        disparity_px: (H, W) float32, in any unit.
        Returns (h, w) float32 in the same unit; NaN where the canonical camera does not see.
        """
        result = self._resample(disparity_px, self._disparity_px)
        highest, lowest = _over_cells(disparity_px, np.maximum, np.minimum)
        smooth = self._all_seen & (highest <= EDGE_RATIO * lowest)
        _look_up(~smooth, self._cell, out=self._edge)
        _look_up(disparity_px, self._nearest, out=self._nearest_px)
        np.copyto(result, self._nearest_px, where=self._edge)
        np.copyto(result, np.nan, where=self._unseen)
        return result

    def warp_confidence(self, confidence: NDArray[np.float32]) -> NDArray[np.float32]:
        """Resample confidence, (H, W) float32, to (h, w); 0 where the canonical view ends."""
        result = self._resample(confidence, self._confidence)
        np.copyto(result, 0, where=self._unseen)
        return result

    def _resample(
        self, values: NDArray[np.float32], out: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        maps = (self._map_x, self._map_y)
        cv2.remap(values, *maps, cv2.INTER_LINEAR, dst=out, borderMode=cv2.BORDER_REPLICATE)
        return out


def _oversampling(camera: Camera, canonical: Intrinsics) -> int:
    """Return the integer factor that refines the map so that downscaling does not alias."""
    shrink = max(camera.k[0] / canonical.fx, camera.k[4] / canonical.fy)
    if shrink > MAX_SHRINK:
        raise ValueError(
            f'camera_info has focal lengths of {camera.k[0]:g} and {camera.k[4]:g} px, '
            f'{shrink:.3g} times those of the target camera, expected at most '
            f'{MAX_SHRINK:.0f} times; check K and P, or scale the image down'
        )
    return max(1, math.ceil(shrink / MAX_STEP_PX))


def _over_cells(array: NDArray[Any], *reductions: np.ufunc) -> list[NDArray[Any]]:
    """
    Reduce every cell of pixels (v, u) .. (v+1, u+1), cut off at the border, to one value.

    Returns one (H, W) array for each reduction.
    """
    padded = np.pad(array, ((0, 1), (0, 1)), mode='edge')
    of_columns = [(reduce, reduce(padded[:-1], padded[1:])) for reduce in reductions]
    return [np.asarray(reduce(rows[:, :-1], rows[:, 1:])) for reduce, rows in of_columns]


def _clipped(
    rows: NDArray[np.float64], columns: NDArray[np.float64], canonical: Intrinsics
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return rows (h,) and columns (w,) as indices into a canonical array."""
    return (
        np.clip(rows, 0, canonical.height - 1).astype(np.intp),
        np.clip(columns, 0, canonical.width - 1).astype(np.intp),
    )


def _look_up(
    array: NDArray[Any],
    at: tuple[NDArray[np.intp], NDArray[np.intp]],
    out: NDArray[Any] | None = None,
) -> NDArray[Any]:
    """Return array[rows, columns] on the grid of both; one axis at a time is ten times faster."""
    rows, columns = at
    # `clip`: numpy writes straight into `out` only where no index can raise.
    return array.take(columns, axis=1).take(rows, axis=0, out=out, mode='clip')
