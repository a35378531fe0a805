"""What the network is shown: the live view in its camera, and something around a narrow one."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from monodepth_ros.core.camera import Camera, Intrinsics
from monodepth_ros.core.canonical import ToCanonical

# Network pixels over which the mirrored view fades by a factor e; docs/design.md.
FADE_PX = 12.0


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
