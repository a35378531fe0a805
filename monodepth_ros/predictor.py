"""Image + camera -> metric depth, disparity, confidence and aligned colours."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
import math
import time

import numpy as np

from monodepth_ros.core.camera import Camera
from monodepth_ros.core.canonical import FromCanonical, ToCanonical
from monodepth_ros.core.disparity import depth_from_disparity
from monodepth_ros.core.model_spec import ModelSpec
from monodepth_ros.core.to_network import ToNetwork
from monodepth_ros.core.widening import widened
from monodepth_ros.inference.backend import Backend, NetworkOutput

# The rectified live image's size over that of the results.
DIVISORS = {'full': 1, 'half': 2, 'quarter': 4}
NETWORK_SIZE = 'network'
OUTPUT_SIZES = (*DIVISORS, NETWORK_SIZE)
# A live pixel so many times as wide or as narrow as in training is worth a warning.
MAX_FOOTPRINT_RATIO = 2.0
# What cannot be served may be one day, as when memory is free again; the try takes long.
RETRY_S = 10.0


class CameraMaps:
    """
    Everything precomputed for one live camera: the way to the network and back.

    network: the camera of the network's input, which the backend is resized to. output: that of
    the results.
    """

    def __init__(self, camera: Camera, backend: Backend, output_size: str) -> None:
        rectified = camera.rectified
        to_rectified = ToCanonical(camera, rectified)
        spec = backend.spec
        self.network = widened(spec.camera, rectified, to_rectified.valid, stride=spec.stride)
        self.to_network = ToNetwork(camera, self.network)
        if output_size == NETWORK_SIZE:
            self.to_output = self.to_network.map
        elif output_size == 'full':
            self.to_output = to_rectified
        else:
            size = (rectified.width, rectified.height)
            width, height = (max(1, length // DIVISORS[output_size]) for length in size)
            self.to_output = ToCanonical(camera, rectified.scaled_to(width=width, height=height))
        self.output = self.to_output.canonical
        self.back = FromCanonical(self.network, self.output, self.to_network.valid)
        if not self.back.valid.any():
            raise ValueError(
                'no pixel of this camera lies where the model looks; check K, R and P in its '
                'camera_info'
            )
        # None where the raw image reaches everywhere, as it nearly always does.
        seen = self.to_output.valid
        self.uncolored = None if seen.all() else ~seen
        # Written to by every frame.
        self.depth_m = np.empty((self.output.height, self.output.width), np.float32)
        backend.resize(width=self.network.width, height=self.network.height)
        self.network_output = backend.empty_output()


class Prediction:
    """
    One frame's results, all in the rectified `camera`, each computed when first asked for.

    baseline_m: of the canonical rig, that disparity_px belongs to. depth_range_m: the nearest
    depth the model is meant for, and the farthest that depth_m holds. magnification: pixels of
    the results, across, that one of the network's became. preprocess_s, inference_s: what those
    took. The arrays are buffers of the predictor: its next frame overwrites them.
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
        self.baseline_m = baseline_m
        self.depth_range_m = depth_range_m
        self.magnification = maps.output.fx / maps.network.fx
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


class Predictor:
    """
    Runs a backend on images of any calibrated camera; the maps of the last one are kept.

    backend: its input size follows the camera; predictors of one thread may share it.
    max_depth_m: beyond it depth is +inf; None: as the model says. output_size: of OUTPUT_SIZES,
    the rectified live image's, a half or quarter of it, or the network's. tell: is told once a
    camera what its user should know.
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
        self._camera: Camera | None = None
        self._maps: CameraMaps | None = None
        self._problem, self._tried_s = '', -math.inf

    def predict(self, image: np.ndarray, camera: Camera) -> Prediction:
        """
        Run the network on one image, (H, W, 3) RGB or (H, W) grey uint8, of `camera`.

        Raises ValueError when the image is not of the camera's size, or for a camera that the
        model cannot serve.
        """
        times_s = [time.perf_counter()]
        maps = self._maps_of(camera)
        spec = self._backend.spec
        shown = maps.to_network.warp(image)
        # A no-op, unless another predictor used the backend since.
        self._backend.resize(width=maps.network.width, height=maps.network.height)
        times_s.append(time.perf_counter())
        output = self._backend.infer(shown, maps.network_output)
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

    def _maps_of(self, camera: Camera) -> CameraMaps:
        if camera != self._camera:
            if self._camera is not None:
                self._tell(
                    f'camera_info changed: {camera.width} x {camera.height} px, fx '
                    f'{camera.k[0]:.0f} px; everything is mapped anew'
                )
            self._camera, self._maps, self._tried_s = camera, None, -math.inf
        if self._maps is None and time.monotonic() - self._tried_s >= RETRY_S:
            self._make_maps(camera)
        if self._maps is None:
            raise ValueError(self._problem)
        return self._maps

    def _make_maps(self, camera: Camera) -> None:
        try:
            self._maps = CameraMaps(camera, self._backend, self._output_size)
        except Exception as error:
            self._problem, self._tried_s = str(error) or repr(error), time.monotonic()
        else:
            for line in _remarks(camera, self._maps, self._backend):
                self._tell(line)


def _remarks(camera: Camera, maps: CameraMaps, backend: Backend) -> list[str]:
    """What the user of a camera should know of how the model serves it."""
    remarks = []
    trained, network = backend.spec.camera, maps.network
    if (network.width, network.height) != (trained.width, trained.height):
        ratio = network.width * network.height / (trained.width * trained.height)
        remarks.append(
            f'the camera sees more than the model was trained on: the network runs at '
            f'{network.width} x {network.height} instead of {trained.width} x {trained.height}, '
            f'{ratio:.2f} times the work'
        )
    return remarks + footprint_remarks(camera, backend.spec)


def footprint_remarks(camera: Camera, spec: ModelSpec) -> list[str]:
    """Whether a camera's pixels are of another kind than the model has seen."""
    ratio = footprint_ratio(camera, spec.training_fx_px)
    if max(ratio, 1 / ratio) <= MAX_FOOTPRINT_RATIO:
        return []
    finer = 'finer' if ratio > 1 else 'coarser'
    return [
        f'the pixels of this camera are {max(ratio, 1 / ratio):.1f} times {finer} than those the '
        f'model was trained on (fx {camera.k[0]:.0f} px, trained with '
        f'{_span(spec.training_fx_px)} px): depth may be worse; train on a rig with such pixels, '
        'or choose a camera mode or lens nearer to it'
    ]


def footprint_ratio(camera: Camera, training_fx_px: tuple[float, float]) -> float:
    """How many times finer (> 1) or coarser (< 1) a camera's pixels are than all of training's."""
    low, high = training_fx_px
    return camera.k[0] / min(max(camera.k[0], low), high)


def _span(values: tuple[float, float]) -> str:
    low, high = values
    return f'{low:.0f}' if math.isclose(low, high) else f'{low:.0f} to {high:.0f}'
