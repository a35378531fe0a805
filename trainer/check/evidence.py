"""Measurements of a check on a sample of the pairs of one sequence."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import NamedTuple

import cv2
import numpy as np

from trainer.check.matching import detect, match_views, ViewMatches
from trainer.check.measures import implied_baseline_m
from trainer.datasets.sources import PairSequence
from trainer.datasets.stereo_matching import checked_disparity_px
from trainer.model.limits import MAX_DISPARITY_FRAC

# Wider images are averaged down by a whole number: half the resolution is enough for the checks.
MATCHED_WIDTH_PX = 1400
DENSE_WIDTH_PX = 700
# Semi-global matching searches beyond the networks' limit, to find what exceeds it.
SEARCHED_FRAC = 1.5 * MAX_DISPARITY_FRAC
THREADS = 2


class PairEvidence(NamedTuple):
    """
    The measurements of one pair.

    matches: feature matches, in px of an image at most MATCHED_WIDTH_PX wide.
    disparity_frac: (H, W) float32, semi-global matching with a left-right check, in fractions of
        the width; NaN where nothing matches.
    mean_levels: mean grey level of the left and the right image.
    contrast_levels: grey levels from the 1st to the 99th percentile of either image.
    change_levels: mean difference of either image to the next frame; None without a next frame.
    baseline_m: baseline that the ground truth implies; None without a ground truth.
    """

    name: str
    matches: ViewMatches
    disparity_frac: np.ndarray
    mean_levels: tuple[float, float]
    contrast_levels: tuple[float, float]
    change_levels: tuple[float, float] | None
    baseline_m: float | None


class Unreadable(NamedTuple):
    """A pair that could not be read, and the reason."""

    name: str
    reason: str


class Evidence(NamedTuple):
    """The measurements of a sequence: the pairs that could be read, in order, and the others."""

    pairs: list[PairEvidence]
    unreadable: list[Unreadable]


def gather(sequence: PairSequence, pairs: int) -> Iterator[PairEvidence | Unreadable]:
    """Yield measurements of evenly spaced pairs, made in two threads (OpenCV frees the GIL)."""
    places = sampled(sequence, pairs)
    with ThreadPoolExecutor(THREADS) as pool:
        yield from pool.map(lambda at: _measured(sequence, at), places)


def sampled(sequence: PairSequence, pairs: int) -> list[int]:
    """
    Return the indices of evenly spaced pairs in sequence.names.

    The names are divided into `pairs` equal parts. Each part gives its first pair with a ground
    truth, or its first pair if none has one.
    """
    ends = np.linspace(0, len(sequence.names), min(pairs, len(sequence.names)) + 1).astype(int)
    return [
        next((at for at in range(start, end) if _has_ground_truth(sequence, at)), start)
        for start, end in pairwise(ends)
    ]


def matched_size(width: int, height: int) -> tuple[int, int]:
    """Return width and height of the image that features are matched in."""
    shrink = -(-width // MATCHED_WIDTH_PX)
    return width // shrink, height // shrink


def matched_views(sequence: PairSequence, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Read a pair as (H, W) uint8 grey of matched_size; raise ValueError or OSError."""
    left, right = (
        shrunk_to(cv2.cvtColor(view, cv2.COLOR_RGB2GRAY), MATCHED_WIDTH_PX)
        for view in sequence.read_pair(name)
    )
    return left, right


def shrunk_to(image: np.ndarray, width_px: int) -> np.ndarray:
    """Average an image by the smallest whole number that makes it at most width_px wide."""
    shrink = -(-image.shape[1] // width_px)
    if shrink == 1:
        return image
    size = (image.shape[1] // shrink, image.shape[0] // shrink)
    whole = image[: size[1] * shrink, : size[0] * shrink]
    return cv2.resize(whole, size, interpolation=cv2.INTER_AREA)


def _has_ground_truth(sequence: PairSequence, at: int) -> bool:
    try:
        return sequence.read_gt_depth(sequence.names[at]) is not None
    except (ValueError, OSError):
        return False


def _measured(sequence: PairSequence, at: int) -> PairEvidence | Unreadable:
    name = sequence.names[at]
    try:
        left, right = matched_views(sequence, name)
        true_m = sequence.read_gt_depth(name)
    except (ValueError, OSError) as error:
        return Unreadable(name, str(error))
    coming = _next_views(sequence, at)
    disparity_px = _dense_disparity_px(left, right)
    next_left = None if coming is None else detect(coming[0])
    return PairEvidence(
        name,
        match_views(detect(left), detect(right), next_left),
        disparity_px / disparity_px.shape[1],
        (float(left.mean()), float(right.mean())),
        (_contrast(left), _contrast(right)),
        None if coming is None else (_change(left, coming[0]), _change(right, coming[1])),
        None if true_m is None else _baseline_m(sequence, disparity_px, true_m),
    )


def _next_views(sequence: PairSequence, at: int) -> tuple[np.ndarray, np.ndarray] | None:
    try:
        return matched_views(sequence, sequence.names[at + 1])
    except (IndexError, ValueError, OSError):
        return None


def _dense_disparity_px(left_grey: np.ndarray, right_grey: np.ndarray) -> np.ndarray:
    left, right = (shrunk_to(view, DENSE_WIDTH_PX) for view in (left_grey, right_grey))
    # StereoSGBM takes multiples of 16.
    searched_px = 16 * round(SEARCHED_FRAC * left.shape[1] / 16 + 0.5)
    return checked_disparity_px(left, right, max_disparity_px=searched_px)


def _baseline_m(
    sequence: PairSequence, disparity_px: np.ndarray, true_m: np.ndarray
) -> float | None:
    camera = sequence.calibration.intrinsics
    shrink = camera.width // disparity_px.shape[1]
    v, u = np.nonzero(np.isfinite(true_m))
    inside = (v // shrink < disparity_px.shape[0]) & (u // shrink < disparity_px.shape[1])
    v, u = v[inside], u[inside]
    return implied_baseline_m(
        disparity_px[v // shrink, u // shrink], true_m[v, u], focal_px=camera.fx / shrink
    )


def _contrast(grey: np.ndarray) -> float:
    dark, bright = np.percentile(grey, (1, 99))
    return float(bright - dark)


def _change(now: np.ndarray, then: np.ndarray) -> float:
    return float(cv2.absdiff(now, then).mean())
