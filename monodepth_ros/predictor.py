"""Image + camera -> metric depth and aligned colours, in the rectified live camera."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from monodepth_ros.core.camera import Camera, Intrinsics
from monodepth_ros.core.canonical import FromCanonical, ToCanonical
from monodepth_ros.core.disparity import depth_from_disparity
from monodepth_ros.inference.backend import Backend


@dataclass
class CameraMaps:
    """Everything precomputed for one live camera."""

    to_canonical: ToCanonical
    from_canonical: FromCanonical
    to_rectified: ToCanonical


class Prediction:
    """One frame's results in the rectified live camera; the colours only when asked for."""

    def __init__(
        self, rgb: np.ndarray, maps: CameraMaps, rectified: Intrinsics, depth_m: np.ndarray
    ) -> None:
        self.rectified = rectified
        self.depth_m = depth_m
        self._rgb = rgb
        self._maps = maps

    @cached_property
    def color_rgb(self) -> np.ndarray:
        """(H, W, 3) uint8: the live image rectified, aligned with depth_m."""
        return self._maps.to_rectified.warp(self._rgb)


class Predictor:
    """
    Runs a backend on images of any calibrated camera; the maps of the last one are kept.

    max_depth_m: beyond it depth is +inf; None: as the model says.
    """

    def __init__(self, backend: Backend, *, max_depth_m: float | None = None) -> None:
        self._backend = backend
        self._max_depth_m = backend.spec.depth_range_m[1] if max_depth_m is None else max_depth_m
        self._camera: Camera | None = None
        self._maps: CameraMaps | None = None

    def predict(self, rgb: np.ndarray, camera: Camera) -> Prediction:
        """
        Metric depth of one image.

        rgb: (H, W, 3) uint8 of `camera`. Prediction.depth_m: (H, W) float32 metres along the
        optical axis, NaN where the model's camera does not see, +inf beyond max_depth_m.
        Raises ValueError when the image is not of the camera's size.
        """
        maps = self._maps_of(camera)
        spec = self._backend.spec
        disparity_frac = self._backend.infer(maps.to_canonical.warp(rgb)).disparity_frac
        disparity_px = maps.from_canonical.warp_disparity(disparity_frac * spec.camera.width)
        depth_m = depth_from_disparity(
            disparity_px,
            focal_px=spec.camera.fx,
            baseline_m=spec.baseline_m,
            max_depth_m=self._max_depth_m,
        )
        return Prediction(rgb, maps, camera.rectified, depth_m)

    def _maps_of(self, camera: Camera) -> CameraMaps:
        if self._maps is None or camera != self._camera:
            canonical = self._backend.spec.camera
            to_canonical = ToCanonical(camera, canonical)
            back = FromCanonical(canonical, camera.rectified, to_canonical.valid)
            self._maps = CameraMaps(to_canonical, back, ToCanonical(camera, camera.rectified))
            self._camera = camera
        return self._maps
