"""Prediction of metric depth, disparity, confidence and colours from an image and its camera."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property, lru_cache
import math
import time

import numpy as np

from monodepth_ros.core.camera import Camera
from monodepth_ros.core.disparity import depth_from_disparity
from monodepth_ros.core.network_view import CameraMaps
from monodepth_ros.inference.backend import Backend, NetworkOutput
from monodepth_ros.inference.tensorrt.engine_cache import BuildCancelled
from monodepth_ros.pipeline.camera_remarks import camera_remarks
from monodepth_ros.pipeline.steady_camera import KEPT_CAMERAS

# Retry a failed camera, e.g. when memory is free again, after 10 s, or after 10 times the failed
# attempt, which may take minutes, so that other cameras keep running.
RETRY_S, RETRY_TRIES = 10.0, 10.0
# Changes are reported at most this often, because a zoom lens may change with every frame.
LOG_PERIOD_S = 5.0


class Prediction:
    """
    The results of one frame in the rectified `camera`, each computed on first use.

    The arrays are buffers of the predictor: its next frame overwrites them.

    camera: intrinsics of the results.
    live_camera: the camera that took the image.
    baseline_m: baseline of the canonical rig, which disparity_px belongs to.
    depth_range_m: nearest depth of the model, and farthest depth in depth_m.
    preprocess_s, inference_s: durations of preprocessing and inference.
    """

    def __init__(
        self,
        image: np.ndarray,
        maps: CameraMaps,
        output: NetworkOutput,
        *,
        px_per_frac: float,
        baseline_m: float,
        depth_range_m: tuple[float, float],
        preprocess_s: float,
        inference_s: float,
    ) -> None:
        self.preprocess_s = preprocess_s
        self.inference_s = inference_s
        self.camera = maps.output
        self.live_camera = maps.live
        self.baseline_m = baseline_m
        self.depth_range_m = depth_range_m
        self._image = image
        self._maps = maps
        self._network_output = output
        self._px_per_frac = px_per_frac

    @cached_property
    def disparity_px(self) -> np.ndarray:
        """Return (H, W) float32: camera.fx * baseline_m / Z; NaN outside the network's view."""
        disparity_frac = self._network_output.disparity_frac
        return self._maps.back.warp_disparity(disparity_frac * np.float32(self._px_per_frac))

    @cached_property
    def depth_m(self) -> np.ndarray:
        """Return (H, W) float32 Z in metres; NaN outside the network's view, +inf out of range."""
        return depth_from_disparity(
            self.disparity_px,
            focal_px=self.camera.fx,
            baseline_m=self.baseline_m,
            max_depth_m=self.depth_range_m[1],
            out=self._maps.depth_m,
        )

    @cached_property
    def flying(self) -> np.ndarray:
        """Return (H, W) bool: the pixels of depth_m that lie on no surface, see FlyingPixels."""
        return self._maps.flying.find(self.depth_m)

    @cached_property
    def confidence(self) -> np.ndarray | None:
        """Return (H, W) float32 in 0..1, 0 outside the network's view; None without confidence."""
        confidence = self._network_output.confidence
        return None if confidence is None else self._maps.back.warp_confidence(confidence)

    @cached_property
    def mean_confidence(self) -> float | None:
        """Return the network's mean confidence where the camera sees; None without confidence."""
        confidence = self._network_output.confidence
        return (
            None if confidence is None else float(confidence[self._maps.to_network.valid].mean())
        )

    @cached_property
    def color(self) -> np.ndarray:
        """
        Return the live image aligned with depth_m, 0 outside it.

        The result is (H, W, 3) RGB or (H, W) grey uint8.
        """
        color = self._maps.to_output.warp(self._image)
        if self._maps.uncolored is not None:
            color[self._maps.uncolored] = 0
        return color


class _Served:
    """
    A camera with its maps and buffers.

    maps: None until they are made.
    network_output: buffers that every frame overwrites.
    problem: why the camera cannot be used with the model, until retry_s.
    """

    def __init__(self, camera: Camera) -> None:
        self.camera = camera
        self.maps: CameraMaps | None = None
        # Every frame overwrites them.
        self.network_output: NetworkOutput | None = None
        self.problem, self.retry_s = '', -math.inf


class Predictor:
    """
    Runs a backend on images of any calibrated camera.

    The maps and buffers of the last KEPT_CAMERAS are kept: 40 MB per million pixels of the
    results, 60 MB where clouds drop flying points.

    backend: its input size follows the camera; predictors of one thread may share it.
    max_depth_m: farther depth is +inf; None: the model's limit.
    output_size: one of OUTPUT_SIZES: the size of the rectified live image, a half or quarter of
    it, or the network's size.
    log: called with what the user should know of a camera when its maps are made, for changes
    once in LOG_PERIOD_S.
    """

    def __init__(
        self,
        backend: Backend,
        *,
        max_depth_m: float | None = None,
        output_size: str = 'full',
        log: Callable[[str], None] = lambda _: None,
    ) -> None:
        near_m, far_m = backend.spec.depth_range_m
        self._backend = backend
        self._depth_range_m = near_m, far_m if max_depth_m is None else max_depth_m
        self._output_size = output_size
        self._log = log
        self._served = lru_cache(maxsize=KEPT_CAMERAS)(_Served)
        self._logged_s = -math.inf

    def predict(self, image: np.ndarray, camera: Camera) -> Prediction:
        """
        Run the network on one image of a camera.

        image: (H, W, 3) RGB or (H, W) grey uint8.
        camera: its camera.
        Raises ValueError when the image is not of the camera's size, or for a camera that cannot
        be used with the model; a failed camera is retried after a pause, see RETRY_S.
        """
        times_s = [time.perf_counter()]
        served = self._served(camera)
        maps = served.maps or self._make_maps(served)
        spec = self._backend.spec
        shown = maps.to_network.warp(image)
        # Does nothing unless another predictor used the backend in between.
        self._backend.resize(width=maps.network.width, height=maps.network.height)
        times_s.append(time.perf_counter())
        output = self._backend.infer(shown, served.network_output)
        times_s.append(time.perf_counter())
        preprocess_s, inference_s = np.diff(times_s).tolist()
        return Prediction(
            image,
            maps,
            output,
            # disparity_frac is a fraction of the width in training, not of the present width.
            px_per_frac=spec.camera.width * maps.output.fx / spec.camera.fx,
            baseline_m=spec.baseline_m,
            depth_range_m=self._depth_range_m,
            preprocess_s=preprocess_s,
            inference_s=inference_s,
        )

    def _make_maps(self, served: _Served) -> CameraMaps:
        started_s = time.monotonic()
        if started_s < served.retry_s:
            raise ValueError(served.problem)
        try:
            maps = CameraMaps(served.camera, self._backend.spec, self._output_size)
            self._backend.resize(width=maps.network.width, height=maps.network.height)
            served.network_output = self._backend.empty_output()
        # A cancelled build says nothing about the camera.
        except BuildCancelled:
            raise
        except Exception as error:
            ended_s = time.monotonic()
            served.problem = str(error) or repr(error)
            served.retry_s = ended_s + max(RETRY_S, RETRY_TRIES * (ended_s - started_s))
            raise ValueError(served.problem) from error
        served.maps = maps
        self._log_change(maps)
        return maps

    def _log_change(self, maps: CameraMaps) -> None:
        lines, live = camera_remarks(maps.live, maps.network, self._backend.spec), maps.live
        if self._served.cache_info().misses > 1:
            if time.monotonic() < self._logged_s + LOG_PERIOD_S:
                return
            self._logged_s = time.monotonic()
            changed = (
                f'camera_info changed: {live.width} x {live.height} px, fx {live.k[0]:.0f} px; '
                'the maps are computed again'
            )
            lines = [changed, *lines]
        for line in lines:
            self._log(line)
