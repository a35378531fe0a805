"""Which pairs are worth training on: neither still, nor dark, nor blurred."""

from __future__ import annotations

from collections import deque
from statistics import median
from typing import NamedTuple

import cv2
import numpy as np

from trainer.ingest_config import IngestConfig

LOOK_WIDTH = 512
WHITE = 250
# How many pairs the median of the sharpness is over: seconds, so that a new scene is learned soon.
MEMORY = 31
CORNERS, FEWEST_TRACKED, RETURNED_PX = 100, 12, 1.0


class Look(NamedTuple):
    """
    What a pair is judged by.

    thumbnail: (h, LOOK_WIDTH) uint8 grey of the left view. brightness: mean grey level of the
    darker eye. blown_out: share of white pixels of the brighter one. sharpness: mean of
    abs(Laplacian) over the standard deviation, of the blurrier one.
    """

    thumbnail: np.ndarray
    brightness: float
    blown_out: float
    sharpness: float


def look_at(left: np.ndarray, right: np.ndarray) -> Look:
    """Two views, (H, W) or (H, W, 3) RGB uint8."""
    thumbnails = [_thumbnail(view) for view in (left, right)]
    return Look(
        thumbnails[0],
        min(float(view.mean()) for view in thumbnails),
        max(float(np.mean(view >= WHITE)) for view in thumbnails),
        min(_sharpness(view) for view in thumbnails),
    )


def motion_percent(before: np.ndarray, after: np.ndarray) -> float | None:
    """Median way of corners between two thumbnails, percent of the width; None: unknown."""
    corners = cv2.goodFeaturesToTrack(before, CORNERS, qualityLevel=0.01, minDistance=8)
    if corners is None:
        return None
    moved, found, _ = cv2.calcOpticalFlowPyrLK(before, after, corners, None)
    back, found_back, _ = cv2.calcOpticalFlowPyrLK(after, before, moved, None)
    # A track between unrelated pictures does not lead back to where it began.
    returned = np.linalg.norm((back - corners).reshape(-1, 2), axis=1) < RETURNED_PX
    tracked = returned & (found.ravel() == 1) & (found_back.ravel() == 1)
    if tracked.sum() < FEWEST_TRACKED:
        return None
    distance = np.linalg.norm((moved - corners).reshape(-1, 2)[tracked], axis=1)
    return 100 * float(np.median(distance)) / LOOK_WIDTH


class Selection:
    """Judges pairs in the order of time."""

    def __init__(self, config: IngestConfig) -> None:
        self._config = config
        self._sharpness: deque[float] = deque(maxlen=MEMORY)
        self._kept: np.ndarray | None = None

    def judge(self, look: Look) -> str | None:
        """Why the pair is left out; None: it is kept."""
        why = self._fault(look)
        self.remember(look.sharpness)
        if why is None:
            self.keep(look)
        return why

    def remember(self, sharpness: float) -> None:
        """Count a pair that was judged before."""
        self._sharpness.append(sharpness)

    def keep(self, look: Look) -> None:
        """From now on motion is that since this pair."""
        self._kept = look.thumbnail

    def _fault(self, look: Look) -> str | None:
        config = self._config
        if look.brightness < config.min_brightness:
            return 'dark'
        if look.blown_out > config.max_blown_out:
            return 'blown out'
        if look.sharpness < config.min_sharpness * median(self._sharpness or [0.0]):
            return 'blurred'
        if self._kept is not None:
            percent = motion_percent(self._kept, look.thumbnail)
            if percent is not None and percent < config.min_motion:
                return 'still'
        return None


def _thumbnail(view: np.ndarray) -> np.ndarray:
    size = (LOOK_WIDTH, max(1, round(view.shape[0] * LOOK_WIDTH / view.shape[1])))
    small = cv2.resize(view, size, interpolation=cv2.INTER_AREA)
    return small if small.ndim == 2 else cv2.cvtColor(small, cv2.COLOR_RGB2GRAY)


def _sharpness(grey: np.ndarray) -> float:
    # Over the contrast: a scene in mist is not out of focus.
    laplacian = cv2.Laplacian(grey, cv2.CV_16S, ksize=1)
    return float(np.abs(laplacian).mean()) / (float(grey.std()) + 1)
