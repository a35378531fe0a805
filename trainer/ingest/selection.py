"""Selection of the pairs worth training on: neither still, nor dark, nor blurred."""

from __future__ import annotations

from collections import deque
from statistics import median
from typing import NamedTuple

import cv2
import numpy as np

from trainer.ingest.config import IngestConfig

LOOK_WIDTH, SMALL_WIDTH = 320, 160
WHITE = 250
# Number of pairs in the median of the sharpness: a few seconds, to adapt to a new scene.
MEMORY = 31
CORNERS, MIN_CORNERS = 30, 10
FLOW_WINDOW, FLOW_LEVEL = (11, 11), 2


class Look(NamedTuple):
    """
    The measurements that decide about a pair.

    small: (h, w) uint8 grey left view, about SMALL_WIDTH wide, a size at which motion is found
        most reliably.
    brightness: mean grey level of the darker view, 0..255.
    blown_out: fraction of white pixels in the view that has more of them.
    sharpness: mean of abs(Laplacian) over the standard deviation, of the less sharp view.
    """

    small: np.ndarray
    brightness: float
    blown_out: float
    sharpness: float


def look_at(left: np.ndarray, right: np.ndarray) -> Look:
    """Measure two views, or their thumbnails: (H, W) or (H, W, 3) RGB uint8."""
    thumbnails = [thumbnail(view) for view in (left, right)]
    return Look(
        _shrunk(thumbnails[0], SMALL_WIDTH),
        min(cv2.mean(view)[0] for view in thumbnails),
        max(np.count_nonzero(view >= WHITE) / view.size for view in thumbnails),
        min(_sharpness(view) for view in thumbnails),
    )


def motion_percent(before: np.ndarray, after: np.ndarray) -> float | None:
    """Return the median motion of corners in percent of the width; None if it is unknown."""
    corners = cv2.goodFeaturesToTrack(before, CORNERS, qualityLevel=0.01, minDistance=8)
    if corners is None or len(corners) < MIN_CORNERS:
        return None
    # OpenCV's stubs say that the place for the result may not be None, which is its default.
    moved, found, _ = cv2.calcOpticalFlowPyrLK(
        before, after, corners, None, winSize=FLOW_WINDOW, maxLevel=FLOW_LEVEL
    )  # type: ignore[call-overload]
    tracked = found.ravel() == 1
    if tracked.sum() < MIN_CORNERS:
        return None
    way_px = np.linalg.norm((moved - corners).reshape(-1, 2)[tracked], axis=1)
    width: int = before.shape[1]
    return 100 * float(np.median(way_px)) / width


class Selection:
    """A judge of pairs, which must come in the order of time."""

    def __init__(self, config: IngestConfig) -> None:
        self._config = config
        self._sharpness: deque[float] = deque(maxlen=MEMORY)
        self._kept: np.ndarray | None = None

    def judge(self, look: Look) -> str | None:
        """Return why the pair is left out, or None if it is kept."""
        why = self._fault(look)
        self.remember(look.sharpness)
        if why is None:
            self.keep(look)
        return why

    def remember(self, sharpness: float) -> None:
        """Add the sharpness of a pair that was judged before to the median."""
        self._sharpness.append(sharpness)

    def keep(self, look: Look) -> None:
        """Measure motion since this pair from now on."""
        self._kept = look.small

    def _fault(self, look: Look) -> str | None:
        config = self._config
        if look.brightness < config.min_brightness:
            return 'dark'
        if look.blown_out > config.max_blown_out:
            return 'blown out'
        if look.sharpness < config.min_sharpness * median(self._sharpness or [0.0]):
            return 'blurred'
        if self._kept is not None:
            # Track forward and backward: between unrelated images, corners may seem still by
            # chance in one direction, but not in both.
            views = self._kept, look.small
            for before, after in (views, views[::-1]):
                percent = motion_percent(before, after)
                if percent is None or percent >= config.min_motion:
                    return None
            return 'still'
        return None


def thumbnail(view: np.ndarray) -> np.ndarray:
    """Return a grey copy, (h, w) uint8, about LOOK_WIDTH wide, of a (H, W) or RGB view."""
    small = _shrunk(view, LOOK_WIDTH)
    return small if small.ndim == 2 else cv2.cvtColor(small, cv2.COLOR_RGB2GRAY)


def _shrunk(view: np.ndarray, to_width: int) -> np.ndarray:
    """Return the view scaled to about that width, or as it is if it is narrower."""
    # Halve repeatedly: OpenCV averages 2 x 2 pixels eight times as fast as 4 x 4.
    while view.shape[1] >= 1.5 * to_width:
        height, width = view.shape[0] // 2, view.shape[1] // 2
        whole = view[: 2 * height, : 2 * width]
        view = cv2.resize(whole, (width, height), interpolation=cv2.INTER_AREA)
    return view


def _sharpness(grey: np.ndarray) -> float:
    # Divide by the contrast: a scene in mist is not out of focus.
    laplacian = cv2.Laplacian(grey, cv2.CV_16S, ksize=1)
    _, deviation = cv2.meanStdDev(grey)
    return float(cv2.norm(laplacian, cv2.NORM_L1) / grey.size / (deviation[0, 0] + 1))
