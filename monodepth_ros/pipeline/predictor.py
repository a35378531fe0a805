"""Image + camera -> metric depth, disparity, confidence and aligned colours."""

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

# What cannot be served may be one day, as when memory is free again. A try may take minutes, of
# which other cameras have the rest.
RETRY_S, RETRY_TRIES = 10.0, 10.0
# Of what is told of changes: a lens that zooms may change with every frame.
TELL_PERIOD_S = 5.0


class Prediction:
    """
    One frame's results, all in the rectified `camera`, each computed when first asked for.

    live_camera: that took the image. baseline_m: of the canonical rig, that disparity_px belongs
    to. depth_range_m: the nearest
    depth the model is meant for, and the farthest that depth_m holds. preprocess_s, inference_s:
    what those took. The arrays are buffers of the predictor: its next frame overwrites them.
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
        """(H, W) float32: camera.fx * baseline_m / Z; NaN where the network does not see."""
        disparity_frac = self._network_output.disparity_frac
        return self._maps.back.warp_disparity(disparity_frac * np.float32(self._px_per_frac))

    @cached_property
    def depth_m(self) -> np.ndarray:
        """(H, W) float32 Z in metres; NaN where the network does not see, +inf out of range."""
        return depth_from_disparity(
            self.disparity_px,
            focal_px=self.camera.fx,
            baseline_m=self.baseline_m,
            max_depth_m=self.depth_range_m[1],
            out=self._maps.depth_m,
        )

    @cached_property
    def flying(self) -> np.ndarray:
        """(H, W) bool: the pixels of depth_m that lie on no surface, see FlyingPixels."""
        return self._maps.flying.find(self.depth_m)

    @cached_property
    def confidence(self) -> np.ndarray | None:
        """(H, W) float32 in 0..1, 0 where the network does not see; None: the model has none."""
        confidence = self._network_output.confidence
        return None if confidence is None else self._maps.back.warp_confidence(confidence)

    @cached_property
    def mean_confidence(self) -> float | None:
        """Of what the camera sees, as the network has it; None: the model has none."""
        confidence = self._network_output.confidence
        return (
            None if confidence is None else float(confidence[self._maps.to_network.valid].mean())
        )

    @cached_property
    def color(self) -> np.ndarray:
        """(H, W, 3) RGB or (H, W) grey uint8: the live image aligned with depth_m, 0 beyond."""
        color = self._maps.to_output.warp(self._image)
        if self._maps.uncolored is not None:
            color[self._maps.uncolored] = 0
        return color


class _Served:
    """Hold what is kept for a camera. problem: why it could not be served, until retry_s."""

    def __init__(self, camera: Camera) -> None:
        self.camera = camera
        self.maps: CameraMaps | None = None
        # Written to by every frame.
        self.network_output: NetworkOutput | None = None
        self.problem, self.retry_s = '', -math.inf


class Predictor:
    """
    Runs a backend on images of any calibrated camera.

    The maps and buffers of the last KEPT_CAMERAS are kept: of each 40 MB a million pixels of its
    results, 60 MB where clouds drop flying points.

    backend: its input size follows the camera; predictors of one thread may share it.
    max_depth_m: beyond it depth is +inf; None: as the model says. output_size: of OUTPUT_SIZES,
    the rectified live image's, a half or quarter of it, or the network's. tell: is told what the
    user of a camera should know when its maps are made, and of changes one in TELL_PERIOD_S.
    """

    def __init__(
        self,
        backend: Backend,
        *,
        max_depth_m: float | None = None,
        output_size: str = 'full',
        tell: Callable[[str], None] = lambda _: None,
    ) -> None:
        near_m, far_m = backend.spec.depth_range_m
        self._backend = backend
        self._depth_range_m = near_m, far_m if max_depth_m is None else max_depth_m
        self._output_size = output_size
        self._tell = tell
        self._served = lru_cache(maxsize=KEPT_CAMERAS)(_Served)
        self._told_s = -math.inf

    def predict(self, image: np.ndarray, camera: Camera) -> Prediction:
        """
        Run the network on one image, (H, W, 3) RGB or (H, W) grey uint8, of `camera`.

        Raises ValueError when the image is not of the camera's size, or for a camera that the
        model cannot serve; whether it can now is tried now and then only.
        """
        times_s = [time.perf_counter()]
        served = self._served(camera)
        maps = served.maps or self._make_maps(served)
        spec = self._backend.spec
        shown = maps.to_network.warp(image)
        # A no-op, unless another predictor used the backend since.
        self._backend.resize(width=maps.network.width, height=maps.network.height)
        times_s.append(time.perf_counter())
        output = self._backend.infer(shown, served.network_output)
        times_s.append(time.perf_counter())
        preprocess_s, inference_s = np.diff(times_s).tolist()
        return Prediction(
            image,
            maps,
            output,
            # The unit is the width that the model was trained at, however wide its input is now.
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
        # That is no verdict on the camera.
        except BuildCancelled:
            raise
        except Exception as error:
            ended_s = time.monotonic()
            served.problem = str(error) or repr(error)
            served.retry_s = ended_s + max(RETRY_S, RETRY_TRIES * (ended_s - started_s))
            raise ValueError(served.problem) from error
        served.maps = maps
        self._tell_of(maps)
        return maps

    def _tell_of(self, maps: CameraMaps) -> None:
        lines, live = camera_remarks(maps.live, maps.network, self._backend.spec), maps.live
        if self._served.cache_info().misses > 1:
            if time.monotonic() < self._told_s + TELL_PERIOD_S:
                return
            self._told_s = time.monotonic()
            changed = (
                f'camera_info changed: {live.width} x {live.height} px, fx {live.k[0]:.0f} px; '
                'everything is mapped anew'
            )
            lines = [changed, *lines]
        for line in lines:
            self._tell(line)
