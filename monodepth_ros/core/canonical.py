"""
The canonical camera: every live image is mapped into the camera that the network was trained as.

Both directions of the map, METHOD of DESIGN.md section 2. Canonical pixel (i, j) -> ray
((i - cx) / fx, (j - cy) / fy, 1) in the rectified frame -> R transposed -> distortion -> K.
Depth Z is the same in both cameras (same centre, same axes), so the way back is axis-aligned.
"""

from __future__ import annotations

import math
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from monodepth_ros.core.camera import Camera, Intrinsics

SUPPORTED_DISTORTION = ('plumb_bob',)
# Neighbours further apart than this lie on different surfaces: nothing is invented between them.
EDGE_RATIO = 1.05
OUTSIDE_PX = -10_000.0


def fit_canonical(rig: Intrinsics, *, width: int, height: int) -> Intrinsics:
    """The widest camera of width x height square pixels inside the rig's image, centred."""
    focal_px = max(width * rig.fx / rig.width, height * rig.fy / rig.height)
    left = (rig.width - width * rig.fx / focal_px) / 2
    top = (rig.height - height * rig.fy / focal_px) / 2
    cx = (rig.cx + 0.5 - left) * focal_px / rig.fx - 0.5
    cy = (rig.cy + 0.5 - top) * focal_px / rig.fy - 0.5
    return Intrinsics(focal_px, focal_px, cx, cy, width, height)


class ToCanonical:
    """
    Undistorts, rotates, crops and scales a live image into the canonical camera in one remap.

    `valid` (H, W) bool: True where the live image holds the canonical pixel.
    Raises ValueError for a distortion model that is not supported.
    """

    def __init__(self, camera: Camera, canonical: Intrinsics) -> None:
        if camera.d and camera.distortion_model not in SUPPORTED_DISTORTION:
            raise ValueError(
                f'got distortion model {camera.distortion_model!r}, expected one of '
                f'{SUPPORTED_DISTORTION}; rectify the image first or recalibrate'
            )
        self.camera = camera
        self.canonical = canonical
        self._oversampling = _oversampling(camera, canonical)
        map_x, map_y = _live_from_canonical(camera, canonical, self._oversampling)
        self.valid = self._pixel_valid(map_x, map_y)
        # Fixed-point maps: half the memory and twice the speed at 1/32 px.
        self._maps = cv2.convertMaps(map_x, map_y, cv2.CV_16SC2)

    def warp(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """
        Map an image of the live camera into the canonical one.

        image: (h, w) or (h, w, C) uint8. Returns (H, W) or (H, W, C) uint8; what lies outside
        the live image repeats its border. Raises ValueError when the image is of another size.
        """
        expected = (self.camera.height, self.camera.width)
        if image.shape[:2] != expected:
            raise ValueError(
                f'got an image of {image.shape[1]} x {image.shape[0]}, expected '
                f'{expected[1]} x {expected[0]} as its camera_info says'
            )
        warped = cv2.remap(image, *self._maps, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        if self._oversampling > 1:
            size = (self.canonical.width, self.canonical.height)
            warped = cv2.resize(warped, size, interpolation=cv2.INTER_AREA)
        return warped.astype(np.uint8, copy=False)

    def _pixel_valid(
        self, map_x: NDArray[np.float32], map_y: NDArray[np.float32]
    ) -> NDArray[np.bool_]:
        inside = (map_x >= -0.5) & (map_x <= self.camera.width - 0.5)
        inside &= (map_y >= -0.5) & (map_y <= self.camera.height - 0.5)
        factor = self._oversampling
        blocks = inside.reshape(self.canonical.height, factor, self.canonical.width, factor)
        return np.asarray(blocks.all(axis=(1, 3)))


class FromCanonical:
    """
    Brings an array of the canonical camera back to a rectified live camera.

    `valid` (h, w) bool: True where the canonical camera sees the live pixel.
    """

    def __init__(
        self, canonical: Intrinsics, live: Intrinsics, canonical_valid: NDArray[np.bool_]
    ) -> None:
        columns = (np.arange(live.width) - live.cx) / live.fx * canonical.fx + canonical.cx
        rows = (np.arange(live.height) - live.cy) / live.fy * canonical.fy + canonical.cy
        self._map_x, self._map_y = (
            np.ascontiguousarray(grid, np.float32) for grid in np.meshgrid(columns, rows)
        )
        self._nearest = _clipped(np.rint(rows), np.rint(columns), canonical)
        self._cell = _clipped(np.floor(rows), np.floor(columns), canonical)
        inside_x = (columns >= -0.5) & (columns <= canonical.width - 0.5)
        inside_y = (rows >= -0.5) & (rows <= canonical.height - 0.5)
        self.valid = inside_y[:, None] & inside_x & _look_up(canonical_valid, self._nearest)
        self._unseen = ~self.valid

    def warp_disparity(self, disparity_px: NDArray[np.float32]) -> NDArray[np.float32]:
        """
        Resample disparity, which is linear in 1/Z; across an edge the nearest value is taken.

        disparity_px: (H, W) float32 in canonical px. Returns (h, w) float32, still in canonical
        px; NaN where the canonical camera does not see.
        """
        result = cv2.remap(
            disparity_px,
            self._map_x,
            self._map_y,
            cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        )
        edge = _look_up(_edge_cells(disparity_px), self._cell)
        np.copyto(result, _look_up(disparity_px, self._nearest), where=edge)
        np.copyto(result, np.nan, where=self._unseen)
        return np.asarray(result, np.float32)


def _oversampling(camera: Camera, canonical: Intrinsics) -> int:
    """The integer by which the map is refined so that minifying does not alias."""
    shrink = max(camera.k[0] / canonical.fx, camera.k[4] / canonical.fy)
    # Rounded: bilinear sampling misses nothing at up to one and a half pixels a step.
    return max(1, round(shrink))


def _live_from_canonical(
    camera: Camera, canonical: Intrinsics, oversampling: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Live raw coordinates of every refined canonical pixel; OUTSIDE_PX where there is none."""
    fine = canonical.scaled_to(
        width=canonical.width * oversampling, height=canonical.height * oversampling
    )
    k = np.reshape(camera.k, (3, 3))
    d = np.asarray(camera.d, np.float64) if camera.d else np.zeros(5)
    size = (fine.width, fine.height)
    map_x, map_y = cv2.initUndistortRectifyMap(
        k, d, camera.rotation, fine.matrix(), size, cv2.CV_32FC1
    )
    unseen = _ray_radius(camera, fine) >= distortion_radius_limit(camera.d)
    map_x[unseen] = OUTSIDE_PX
    map_y[unseen] = OUTSIDE_PX
    return np.asarray(map_x, np.float32), np.asarray(map_y, np.float32)


def _ray_radius(camera: Camera, rectified: Intrinsics) -> NDArray[np.float64]:
    """tan of the angle between each rectified pixel's ray and the raw optical axis; inf behind."""
    x = (np.arange(rectified.width) - rectified.cx) / rectified.fx
    y = (np.arange(rectified.height) - rectified.cy) / rectified.fy
    rays = np.stack([*np.meshgrid(x, y), np.ones((rectified.height, rectified.width))], axis=-1)
    raw = rays @ camera.rotation  # row vectors: ray @ R equals R transposed @ ray
    with np.errstate(divide='ignore', invalid='ignore'):
        radius = np.hypot(raw[..., 0], raw[..., 1]) / raw[..., 2]
    return np.where(raw[..., 2] > 0, radius, np.inf)


def distortion_radius_limit(d: tuple[float, ...]) -> float:
    """
    The ray radius at which the plumb_bob distorted radius stops growing; inf if it never does.

    Rays beyond it fold back into the image, so that a pixel there would show something else.
    """
    k1, k2, _, _, k3 = (*d, *(0.0,) * 5)[:5]
    radius = np.linspace(0.0, 10.0, 10_001)
    squared = radius**2
    distorted = radius * (1 + squared * (k1 + squared * (k2 + squared * k3)))
    shrinking = np.flatnonzero(np.diff(distorted) <= 0)
    return float(radius[shrinking[0]]) if shrinking.size else math.inf


def _edge_cells(disparity_px: NDArray[np.float32]) -> NDArray[np.bool_]:
    """(H, W) bool: the square of pixels (v, u) .. (v+1, u+1) spans more than EDGE_RATIO."""
    right = np.pad(disparity_px, ((0, 1), (0, 1)), mode='edge')
    highest = np.maximum(right[:-1], right[1:])
    lowest = np.minimum(right[:-1], right[1:])
    highest = np.maximum(highest[:, :-1], highest[:, 1:])
    lowest = np.minimum(lowest[:, :-1], lowest[:, 1:])
    return np.asarray(highest > EDGE_RATIO * lowest)


def _clipped(
    rows: NDArray[np.float64], columns: NDArray[np.float64], canonical: Intrinsics
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Rows (h,) and columns (w,) as indices into a canonical array."""
    return (
        np.clip(rows, 0, canonical.height - 1).astype(np.intp),
        np.clip(columns, 0, canonical.width - 1).astype(np.intp),
    )


def _look_up(array: NDArray[Any], at: tuple[NDArray[np.intp], NDArray[np.intp]]) -> NDArray[Any]:
    """array[rows, columns] on the grid of both; one axis at a time is ten times faster."""
    rows, columns = at
    return array.take(columns, axis=1).take(rows, axis=0)
