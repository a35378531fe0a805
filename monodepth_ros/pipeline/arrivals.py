"""Fraction of a camera's images that arrive, by their stamps and those of camera_info; no ROS."""

from __future__ import annotations

from collections import deque
import time
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

WINDOW_S = 10.0
# Fewer camera_info, or gaps between images, than this are not evaluated.
MIN_COUNT = 10
# Smallest fraction of images that have a camera_info with the same stamp, if each should have one.
MIN_DESCRIBED = 0.9
# Largest distance of a gap from whole periods, in periods, and smallest fraction of such gaps.
MAX_JITTER, MIN_REGULAR = 0.2, 0.9
# A gap longer than both is a pause of the camera.
MAX_GAP_PERIODS, MAX_GAP_NS = 10, 1_000_000_000
# So many equal gaps in a row are a rate that the camera chose, as in dim light.
STEADY_GAPS = 5


class Arriving(NamedTuple):
    """
    The fraction of images that arrived.

    fraction: fraction, 0 to 1; None if it is unknown.
    reason: clause for a message: the sign that others were lost, or why the fraction is unknown.
    """

    fraction: float | None
    reason: str


class Arrivals:
    """
    The stamps of the images and camera_info of one camera that arrived in the last WINDOW_S.

    Counting restarts at an image that is the first for that long, or whose stamp is not later than
    the previous one, as when a bag is played in a loop or all stamps are zero.
    """

    def __init__(self) -> None:
        self._images: deque[tuple[float, int]] = deque()
        self._infos: deque[tuple[float, int]] = deque()
        # Start of all counts, of the counted images, and of camera_info that match these images.
        self._begun_s = self._since_s = self._infos_since_s = time.monotonic()

    def image(self, stamp_ns: int) -> None:
        """Count an image that arrived."""
        now_s = time.monotonic()
        self._forget_old(now_s)
        if not self._images or stamp_ns <= self._images[-1][1]:
            self._images.clear()
            self._since_s = now_s
        self._images.append((now_s, stamp_ns))

    def info(self, stamp_ns: int) -> None:
        """Count a camera_info that arrived, valid or not."""
        now_s = time.monotonic()
        self._infos.append((now_s, stamp_ns))
        self._forget_old(now_s)

    @property
    def info_hz(self) -> float:
        """Return how many camera_info per second arrived in the last WINDOW_S."""
        now_s = time.monotonic()
        self._forget_old(now_s)
        return len(self._infos) / max(min(now_s - self._begun_s, WINDOW_S), 1e-9)

    def arriving(self, *, infos_of_images: bool) -> Arriving:
        """
        Return the fraction of images that arrived.

        If nearly every image has a camera_info with the same stamp, a camera_info without an image
        belongs to a lost image. Otherwise gaps between the images' stamps count, if they are whole
        periods. Call it every second.

        infos_of_images: one node publishes both the images and the camera_info, and no other node
        does.
        """
        now_s = time.monotonic()
        self._forget_old(now_s)
        if not infos_of_images:
            self._infos_since_s = now_s
        stamps = [stamp for _, stamp in self._images]
        if now_s - self._since_s < WINDOW_S or not stamps:
            return Arriving(None, f'no {WINDOW_S:.0f} s of rising stamps yet')
        return self._by_infos(stamps, now_s) or _by_gaps(stamps)

    def _by_infos(self, stamps: list[int], now_s: float) -> Arriving | None:
        if now_s - self._infos_since_s < WINDOW_S:
            return None
        infos = {stamp for _, stamp in self._infos if stamps[0] <= stamp <= stamps[-1]}
        described = infos.intersection(stamps)
        if len(infos) < MIN_COUNT or len(described) < MIN_DESCRIBED * len(stamps):
            return None
        return Arriving(len(described) / len(infos), "the others' camera_info came alone")

    def _forget_old(self, now_s: float) -> None:
        for arrived in (self._images, self._infos):
            while arrived and arrived[0][0] < now_s - WINDOW_S:
                arrived.popleft()


def _by_gaps(stamps: list[int]) -> Arriving:
    """
    Return the result of counting periods without an image.

    In heavy loss most gaps are of several periods.
    """
    if len(stamps) <= MIN_COUNT:
        return Arriving(None, f'fewer than {MIN_COUNT + 1} images in {WINDOW_S:.0f} s')
    gaps = np.diff(stamps)
    period = np.median(gaps[gaps < 1.5 * np.percentile(gaps, 10)])
    periods = gaps[gaps < max(MAX_GAP_PERIODS * period, MAX_GAP_NS)] / period
    whole = np.rint(periods)
    regular = (whole > 0) & (np.abs(periods - whole) <= MAX_JITTER)
    if regular.mean() < MIN_REGULAR:
        return Arriving(None, 'the stamps have no steady period')
    whole = whole[regular]
    sent = np.where(_in_runs(whole, STEADY_GAPS), 1, whole)
    return Arriving(float(len(sent) / sent.sum()), 'the stamps have gaps for the others')


def _in_runs(values: NDArray[np.float64], length: int) -> NDArray[np.bool_]:
    """Return which of (N,) values are among so many equal ones in a row, (N,)."""
    run = np.cumsum(np.diff(values, prepend=values[:1]) != 0)
    lengths: NDArray[np.intp] = np.bincount(run)[run]
    return lengths >= length
