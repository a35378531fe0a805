"""Whether all images of a camera arrive, by their stamps and those of its camera_info; no ROS."""

from __future__ import annotations

from collections import deque
import time
from typing import NamedTuple

import numpy as np

WINDOW_S = 10.0
# Fewer say nothing.
LEAST_COUNT = 10
# Of the images, those whose stamp a camera_info has too, where it comes with each of them.
LEAST_DESCRIBED = 0.9
# How far gaps may be from whole periods, as parts of one, and how many of them must be nearer.
MAX_JITTER, LEAST_REGULAR = 0.2, 0.9
# A longer gap is a pause of the camera.
LONGEST_GAP_PERIODS = 10


class Arriving(NamedTuple):
    """Hold which share of the images arrived, 0 to 1, and what tells so of the others."""

    share: float
    sign: str


class Arrivals:
    """
    Keep the stamps of the images and camera_info of one camera that came in the last WINDOW_S.

    They begin anew with an image that is the first for so long, or whose stamp is not later than
    that of the one before, as where a bag is played in a loop or all stamps are zero.
    """

    def __init__(self) -> None:
        self._images: deque[tuple[float, int]] = deque()
        self._infos: deque[tuple[float, int]] = deque()
        # Of all; of the images that `arriving` looks at; of camera_info that are of these images.
        self._begun_s = self._since_s = self._infos_since_s = time.monotonic()

    def image(self, stamp_ns: int) -> None:
        """Note that an image came."""
        now_s = time.monotonic()
        self._forget_old(now_s)
        if not self._images or stamp_ns <= self._images[-1][1]:
            self._images.clear()
            self._since_s = now_s
        self._images.append((now_s, stamp_ns))

    def info(self, stamp_ns: int) -> None:
        """Note that a camera_info came, valid or not."""
        now_s = time.monotonic()
        self._infos.append((now_s, stamp_ns))
        self._forget_old(now_s)

    @property
    def info_hz(self) -> float:
        """Tell how many camera_info a second came in the last WINDOW_S."""
        now_s = time.monotonic()
        self._forget_old(now_s)
        return len(self._infos) / max(min(now_s - self._begun_s, WINDOW_S), 1e-9)

    def arriving(self, *, infos_of_images: bool) -> Arriving | None:
        """
        Return which of the camera's images arrived; None: too early, or nothing tells.

        infos_of_images: whoever publishes the images publishes the camera_info, and nobody else.
        Where nearly every image then has one of its very stamp, one without an image is that of a
        lost image. Else gaps between the images' stamps tell, where they are whole periods. To be
        called every second.
        """
        now_s = time.monotonic()
        self._forget_old(now_s)
        if not infos_of_images:
            self._infos_since_s = now_s
        stamps = [stamp for _, stamp in self._images]
        if now_s - self._since_s < WINDOW_S or not stamps:
            return None
        return self._by_infos(stamps, now_s) or _by_gaps(stamps)

    def _by_infos(self, stamps: list[int], now_s: float) -> Arriving | None:
        if now_s - self._infos_since_s < WINDOW_S:
            return None
        infos = {stamp for _, stamp in self._infos if stamps[0] <= stamp <= stamps[-1]}
        described = infos.intersection(stamps)
        if len(infos) < LEAST_COUNT or len(described) < LEAST_DESCRIBED * len(stamps):
            return None
        return Arriving(len(described) / len(infos), "the others' camera_info came alone")

    def _forget_old(self, now_s: float) -> None:
        for arrived in (self._images, self._infos):
            while arrived and arrived[0][0] < now_s - WINDOW_S:
                arrived.popleft()


def _by_gaps(stamps: list[int]) -> Arriving | None:
    """Count the periods without an image; in heavy loss most gaps are of several."""
    if len(stamps) <= LEAST_COUNT:
        return None
    gaps = np.diff(stamps)
    period = np.median(gaps[gaps < 1.5 * np.percentile(gaps, 10)])
    periods = gaps[gaps < LONGEST_GAP_PERIODS * period] / period
    whole = np.rint(periods)
    regular = (whole > 0) & (np.abs(periods - whole) <= MAX_JITTER)
    if regular.mean() < LEAST_REGULAR:
        return None
    return Arriving(float(len(periods) / whole.sum()), 'the stamps have gaps for the others')
