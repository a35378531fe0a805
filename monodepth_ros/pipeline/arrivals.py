"""Whether all images of a camera arrive, by their stamps and those of its camera_info; no ROS."""

from __future__ import annotations

from collections import deque
import time

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


class Arrivals:
    """
    The stamps of the images and camera_info of one camera that came in the last WINDOW_S.

    They begin anew with an image that is the first for so long, or whose stamp is not later than
    that of the one before, as where a bag is played in a loop or all stamps are zero.
    """

    def __init__(self) -> None:
        self._images: deque[tuple[float, int]] = deque()
        self._infos: deque[tuple[float, int]] = deque()
        # Of all, and of what share looks at.
        self._begun_s = self._since_s = time.monotonic()

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
        """How many camera_info a second came in the last WINDOW_S."""
        now_s = time.monotonic()
        self._forget_old(now_s)
        return len(self._infos) / max(min(now_s - self._begun_s, WINDOW_S), 1e-9)

    def share(self, *, infos_of_images: bool) -> float | None:
        """
        Return which share of the camera's images arrived; None: too early, or nothing tells.

        infos_of_images: whoever publishes the images publishes the camera_info too. Where nearly
        every image then has one of its very stamp, one without an image is that of a lost image.
        Else gaps between the images' stamps tell, where they are whole periods.
        """
        now_s = time.monotonic()
        self._forget_old(now_s)
        stamps = [stamp for _, stamp in self._images]
        if now_s - self._since_s < WINDOW_S or not stamps:
            return None
        by_infos = self._share_by_infos(stamps) if infos_of_images else None
        return _share_by_gaps(stamps) if by_infos is None else by_infos

    def _share_by_infos(self, stamps: list[int]) -> float | None:
        infos = {stamp for _, stamp in self._infos if stamps[0] <= stamp <= stamps[-1]}
        described = infos.intersection(stamps)
        if len(infos) < LEAST_COUNT or len(described) < LEAST_DESCRIBED * len(stamps):
            return None
        return len(described) / len(infos)

    def _forget_old(self, now_s: float) -> None:
        for arrived in (self._images, self._infos):
            while arrived and arrived[0][0] < now_s - WINDOW_S:
                arrived.popleft()


def _share_by_gaps(stamps: list[int]) -> float | None:
    """The period is the median gap of those that are not several, as most are in heavy loss."""
    if len(stamps) <= LEAST_COUNT:
        return None
    gaps = np.diff(stamps)
    period = np.median(gaps[gaps < 1.5 * np.percentile(gaps, 10)])
    periods = gaps[gaps < LONGEST_GAP_PERIODS * period] / period
    whole = np.rint(periods)
    regular = (whole > 0) & (np.abs(periods - whole) <= MAX_JITTER)
    return float(len(periods) / whole.sum()) if regular.mean() >= LEAST_REGULAR else None
