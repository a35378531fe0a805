"""
Mapping between a live camera and a network's input and output.

widened: how far the network's input reaches. ToNetwork: the image that the network gets.
CameraMaps: everything precomputed for one camera, built on the maps of canonical.py.
"""

from __future__ import annotations

from functools import cached_property
import math

import cv2
import numpy as np
from numpy.typing import NDArray

from monodepth_ros.core.camera import Camera, Intrinsics
from monodepth_ros.core.canonical import ImageWarp, PredictionWarp
from monodepth_ros.core.choices import DIVISORS, NETWORK_SIZE
from monodepth_ros.core.flying_pixels import FlyingPixels
from monodepth_ros.core.model_spec import ModelSpec

# Largest area of the input relative to the canonical image: inference costs grow with the area.
MAX_AREA = 2
# Distance in network pixels over which the mirrored view fades by a factor e:
# docs/design.md#canonical-camera.
FADE_PX = 12.0


def widened(
    canonical: Intrinsics, live: Intrinsics, live_valid: NDArray[np.bool_], *, stride: int
) -> Intrinsics:
    """
    Return the canonical camera with enough more columns on each side to cover the live view.

    The focal length stays the same, and the area is at most MAX_AREA times the canonical area. A
    stride is added where the view fills at least half of it. A view narrower than the canonical
    one does not shrink it.

    No rows are added: a network learns the depth of the ground at each row of its input, and extra
    rows make it wrong everywhere (figures: docs/design.md#canonical-camera).

    canonical: the canonical camera.
    live: the rectified live camera.
    live_valid: (h, w) bool, True where the raw live image holds the pixel.
    stride: the width stays a multiple of it.
    """
    rays = live.to_rays(np.arange(live.width), np.arange(live.height))
    _, rows = canonical.to_pixels(*rays)
    seen_rows = live_valid[(rows > -0.5) & (rows < canonical.height - 0.5)]
    columns = np.flatnonzero(seen_rows.any(axis=0))
    if not columns.size:
        return canonical
    # Outer edges of the first and last column seen, not their centres.
    ends = np.array([columns[0] - 0.5, columns[-1] + 0.5])
    (first, last), _ = canonical.to_pixels(*live.to_rays(ends, np.zeros(2)))
    before = max(0, math.ceil(-0.5 - first - 1e-6))
    after = max(0, math.ceil(last - (canonical.width - 0.5) - 1e-6))
    wanted = before + after
    added = min(math.floor(wanted / stride + 0.5) * stride, (MAX_AREA - 1) * canonical.width)
    # The columns that rounding adds are shared between both sides.
    spare = max(0, added - wanted)
    left = round((added - spare) * before / max(wanted, 1)) + spare // 2
    return canonical.cropped(
        left=-left, top=0, width=canonical.width + added, height=canonical.height
    )


class ToNetwork:
    """
    The map from live images to the network's input, shared with training.

    A network interprets its whole input as scene: when the live border was repeated where the
    camera does not see, depth inside the view was three times as wrong. The live view is therefore
    mirrored there, and fades into the mean colours of the nearest seen pixels.

    map: the map without mirroring and fading.
    valid: (H, W) bool, True where the live image holds the network's pixel.
    Raises ValueError as ImageWarp does.
    """

    def __init__(self, camera: Camera, network: Intrinsics) -> None:
        self.map = ImageWarp(camera, network)
        self.valid = self.map.valid
        # Without a single seen pixel there are no colours to fade into.
        self._some_unseen = bool(self.valid.any() and not self.valid.all())
        if self._some_unseen:
            self._prepare()

    def _prepare(self) -> None:
        distance_px = cv2.distanceTransform(
            (~self.valid).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE
        )
        self._mirrored_fraction = np.exp(-distance_px / np.float32(FADE_PX))
        self._nearby_fraction = 1 - self._mirrored_fraction
        # Three copies, because numpy broadcasts slowly along a short axis.
        seen = _halvings(np.dstack([self.valid.astype(np.float32)] * 3))
        self._seen, self._seen_of_all = seen[0], seen[-1]
        self._unseen_fractions = [1 - fraction for fraction in seen[-2::-1]]  # the coarsest first

    def warp(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """
        Map (h, w, 3) RGB or (h, w) grey uint8 to (H, W, 3).

        Raises ValueError as ImageWarp does.
        """
        warped = self.map.warp(image)
        grey = warped.ndim == 2
        rgb = np.asarray(cv2.cvtColor(warped, cv2.COLOR_GRAY2RGB) if grey else warped, np.uint8)
        if not self._some_unseen:
            return rgb
        nearby = self._nearby_colors(rgb)
        shown = cv2.blendLinear(rgb, nearby, self._mirrored_fraction, self._nearby_fraction)
        return np.asarray(shown, np.uint8)

    def _nearby_colors(self, rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return (H, W, 3): the seen colours, and around them means of the nearest ones."""
        levels = _halvings(rgb * self._seen)
        colors = levels[-1] / self._seen_of_all
        for seen_color, fraction in zip(levels[-2::-1], self._unseen_fractions, strict=True):
            size = (seen_color.shape[1], seen_color.shape[0])
            coarser = cv2.resize(colors, size, interpolation=cv2.INTER_LINEAR)
            colors = seen_color + fraction * coarser
        return np.asarray(np.rint(colors), np.uint8)


def _halvings(array: NDArray[np.float32]) -> list[NDArray[np.float32]]:
    """Return the (H, W, 3) array and its area means, each at half the size, down to one pixel."""
    levels = [array]
    while max(levels[-1].shape[:2]) > 1:
        height, width = (max(1, size // 2) for size in levels[-1].shape[:2])
        halved = cv2.resize(levels[-1], (width, height), interpolation=cv2.INTER_AREA)
        levels.append(np.asarray(halved, np.float32).reshape(height, width, 3))
    return levels


class CameraMaps:
    """
    Everything precomputed for one live camera: the maps to the network and back.

    live: the live camera.
    network: intrinsics of the network's input.
    output: intrinsics of the results.
    Raises ValueError for a camera that sees nothing of what the model sees.
    """

    def __init__(self, camera: Camera, spec: ModelSpec, output_size: str) -> None:
        self.live = camera
        rectified = camera.rectified
        to_rectified = ImageWarp(camera, rectified)
        self.network = widened(spec.camera, rectified, to_rectified.valid, stride=spec.stride)
        self.to_network = ToNetwork(camera, self.network)
        if output_size == NETWORK_SIZE:
            self.to_output = self.to_network.map
        elif output_size == 'full':
            self.to_output = to_rectified
        else:
            size = (rectified.width, rectified.height)
            width, height = (max(1, length // DIVISORS[output_size]) for length in size)
            self.to_output = ImageWarp(camera, rectified.scaled_to(width=width, height=height))
        self.output = self.to_output.target
        self.back = PredictionWarp(self.network, self.output, self.to_network.valid)
        if not self.back.valid.any():
            raise ValueError(
                'no pixel of this camera is inside the field of view of the model; check K, R and '
                'P in its camera_info'
            )
        # None where the raw image covers the whole output, as it nearly always does.
        seen = self.to_output.valid
        self.uncolored = None if seen.all() else ~seen
        # Every frame overwrites it.
        self.depth_m = np.empty((self.output.height, self.output.width), np.float32)

    @cached_property
    def flying(self) -> FlyingPixels:
        """Return the detector for the clouds, allocated on first use."""
        size = self.output.height, self.output.width
        return FlyingPixels(size, magnification=self.output.fx / self.network.fx)
