"""
What a network sees of a live camera, and how its results come back.

How far its input reaches (widened), what it is shown (ToNetwork), and all that is precomputed for
one camera (CameraMaps), whose maps are those of canonical.py.
"""

from __future__ import annotations

from functools import cached_property
import math

import cv2
import numpy as np
from numpy.typing import NDArray

from monodepth_ros.core.camera import Camera, Intrinsics
from monodepth_ros.core.canonical import FromCanonical, ToCanonical
from monodepth_ros.core.choices import DIVISORS, NETWORK_SIZE
from monodepth_ros.core.flying import FlyingPixels
from monodepth_ros.core.model_spec import ModelSpec

# Of the canonical image: inference costs so many times more at most.
MAX_AREA = 2
# Network pixels over which the mirrored view fades by a factor e: docs/design.md#canonical-camera.
FADE_PX = 12.0


def widened(
    canonical: Intrinsics, live: Intrinsics, live_valid: NDArray[np.bool_], *, stride: int
) -> Intrinsics:
    """
    The canonical camera with as many more columns on each side as the live view fills.

    live: the rectified live camera; live_valid (h, w) bool: where its raw image holds the pixel.
    The focal length stays, the width stays a multiple of stride, the area at most MAX_AREA times
    the canonical one; a stride is added where the view fills at least half of it. A view that is
    narrower than the canonical one does not shrink it.

    No rows are added: a network learns how far the ground is at each row of its input, and one
    that has more of them is wrong in all (figures: docs/design.md#canonical-camera).
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
    # What rounding adds goes to both sides.
    spare = max(0, added - wanted)
    left = round((added - spare) * before / max(wanted, 1)) + spare // 2
    return canonical.cropped(
        left=-left, top=0, width=canonical.width + added, height=canonical.height
    )


class ToNetwork:
    """
    The map from live images to the network's, which training uses too.

    A network takes all that it is shown for the scene: with the live border repeated where the
    camera does not see, depth of what it does see was three times as wrong. So the live view is
    mirrored there, and fades into the mean colours of what is nearest.

    map: the bare map. `valid` (H, W) bool: True where the live image holds the network's pixel.
    Raises ValueError as ToCanonical does.
    """

    def __init__(self, camera: Camera, network: Intrinsics) -> None:
        self.map = ToCanonical(camera, network)
        self.valid = self.map.valid
        # Of an image in which nothing is seen there is nothing to show.
        self._some_unseen = bool(self.valid.any() and not self.valid.all())
        if self._some_unseen:
            self._prepare()

    def _prepare(self) -> None:
        distance_px = cv2.distanceTransform(
            (~self.valid).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE
        )
        self._mirrored_share = np.exp(-distance_px / np.float32(FADE_PX))
        self._nearby_share = 1 - self._mirrored_share
        # Three times over, because numpy is slow where it has to repeat along a short axis.
        seen = _halvings(np.dstack([self.valid.astype(np.float32)] * 3))
        self._seen, self._seen_of_all = seen[0], seen[-1]
        self._unseen_shares = [1 - share for share in seen[-2::-1]]  # the coarsest first

    def warp(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Map (h, w, 3) RGB or (h, w) grey uint8; returns (H, W, 3). Raises as ToCanonical."""
        warped = self.map.warp(image)
        grey = warped.ndim == 2
        rgb = np.asarray(cv2.cvtColor(warped, cv2.COLOR_GRAY2RGB) if grey else warped, np.uint8)
        if not self._some_unseen:
            return rgb
        nearby = self._nearby_colors(rgb)
        shown = cv2.blendLinear(rgb, nearby, self._mirrored_share, self._nearby_share)
        return np.asarray(shown, np.uint8)

    def _nearby_colors(self, rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """(H, W, 3): what is seen, and around it the mean of what is nearest, ever coarser."""
        levels = _halvings(rgb * self._seen)
        colors = levels[-1] / self._seen_of_all
        for seen_color, share in zip(levels[-2::-1], self._unseen_shares, strict=True):
            size = (seen_color.shape[1], seen_color.shape[0])
            coarser = cv2.resize(colors, size, interpolation=cv2.INTER_LINEAR)
            colors = seen_color + share * coarser
        return np.asarray(np.rint(colors), np.uint8)


def _halvings(array: NDArray[np.float32]) -> list[NDArray[np.float32]]:
    """The array, (H, W, 3), and its area means at half the size, ... down to one pixel."""
    levels = [array]
    while max(levels[-1].shape[:2]) > 1:
        height, width = (max(1, size // 2) for size in levels[-1].shape[:2])
        halved = cv2.resize(levels[-1], (width, height), interpolation=cv2.INTER_AREA)
        levels.append(np.asarray(halved, np.float32).reshape(height, width, 3))
    return levels


class CameraMaps:
    """
    Everything precomputed for one live camera: the way to the network and back.

    live: the camera. network: that of the network's input.
    output: that of the results.
    """

    def __init__(self, camera: Camera, spec: ModelSpec, output_size: str) -> None:
        self.live = camera
        rectified = camera.rectified
        to_rectified = ToCanonical(camera, rectified)
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

    @cached_property
    def flying(self) -> FlyingPixels:
        """For the clouds, which not everybody wants."""
        size = self.output.height, self.output.width
        return FlyingPixels(size, magnification=self.output.fx / self.network.fx)
