"""Measures of a rig from the geometry of its matches: arrays in, numbers out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from trainer.check.matching import ViewMatches

# Parts of the image whose vertical offsets are compared, and the matches that a median needs.
# The fraction of all matches excludes a sky, which has wrong matches only.
CELL_COLUMNS, CELL_ROWS = 4, 3
MIN_IN_CELL, MIN_FRACTION_IN_CELL = 15, 0.01
# Vertical motion that no rotation of the camera explains: feature noise alone causes 0.2 px.
MIN_PARALLAX_PX = 0.5
MIN_TRACKED = 60
FIT_STEPS = 30
MAD_TO_SIGMA = 1.4826
# A larger negative disparity is no noise of a far point.
BEHIND_PX = 1.0
# The noise of larger disparities is a small fraction of them.
MIN_GROUND_TRUTH_DISPARITY_PX = 4.0
MIN_GROUND_TRUTH_PIXELS = 200


class VerticalFit(NamedTuple):
    """
    A fit vertical_px = offset_px + roll_rad * u + scale * v, with u, v from the image's centre.

    offset_px: shift of the right image, down positive.
    roll_rad: rotation of the right image, clockwise positive.
    scale: fraction by which the right image is larger.
    """

    offset_px: float
    roll_rad: float
    scale: float


def fit_vertical(matches: Sequence[ViewMatches], *, width: int, height: int) -> VerticalFit:
    """Fit the vertical errors that a misaligned rig causes in all pairs alike."""
    vertical_px = np.concatenate([m.vertical_px for m in matches])
    place = np.concatenate([_place(m.left_px, width, height) for m in matches])
    return VerticalFit(*robust_fit(place, vertical_px))


def late_frames(matches: Sequence[ViewMatches], *, width: int, height: int) -> list[float | None]:
    """
    Return how many frames after its left image each right one was taken, if enough moves.

    A late camera sees each point after it moved, near points further than far ones, and by
    another amount in every pair. A misaligned rig does not cause that. So the vertical errors of
    all pairs are split into one function of the position, cubic to cover lens distortion, and a
    multiple of each point's vertical motion.

    matches: feature matches of each pair.
    width, height: size in px of the image that the matches are in.
    Returns one number a pair, None for a pair in which too little moves.
    """
    tracked = [_tracked(m) for m in matches]
    vertical_px, motion_px = (
        np.concatenate(values)
        for values in zip(*((m.vertical_px, m.motion_px[:, 1]) for m in tracked), strict=True)
    )
    at_px = np.concatenate([m.left_px for m in tracked])
    if len(at_px) < MIN_TRACKED:
        return [None] * len(matches)
    place = _cubic_place(at_px, width, height)
    if _unexplained_px(place, motion_px) < MIN_PARALLAX_PX:
        return [None] * len(matches)
    *bent, _ = robust_fit(np.column_stack([place, motion_px]), vertical_px)
    unbent = [m.vertical_px - _cubic_place(m.left_px, width, height) @ bent for m in tracked]
    return [_slope(m.motion_px[:, 1], px) for m, px in zip(tracked, unbent, strict=True)]


def incoherence_px(matches: Sequence[ViewMatches], *, width: int, height: int) -> float:
    """Return the median error of fit_vertical in px; wrong matches make it large."""
    vertical_px = np.concatenate([m.vertical_px for m in matches])
    place = np.concatenate([_place(m.left_px, width, height) for m in matches])
    fit = fit_vertical(matches, width=width, height=height)
    return float(np.median(np.abs(vertical_px - place @ np.array(fit))))


def robust_fit(design: np.ndarray, values: np.ndarray) -> list[float]:
    """
    Solve design @ c = values for c by reweighted least squares (Cauchy), robust to outliers.

    design: (N, K), with ones in the first column, so that the iteration starts at the median.
    values: (N,).
    Returns the K coefficients.
    """
    coefficients = np.zeros(design.shape[1])
    coefficients[0] = np.median(values)
    for _ in range(FIT_STEPS):
        error = values - design @ coefficients
        sigma = MAD_TO_SIGMA * np.median(np.abs(error)) + 1e-3
        weighted = design / (1 + (error / (2 * sigma)) ** 2)[:, None]
        # Normal equations are much faster and precise enough; lstsq gives 0 for a zero column.
        coefficients = np.linalg.lstsq(weighted.T @ design, weighted.T @ values, rcond=None)[0]
    return [float(c) for c in coefficients]


def cell_offsets_px(matches: Sequence[ViewMatches], *, width: int, height: int) -> np.ndarray:
    """Return the median vertical_px of each cell, (CELL_ROWS, CELL_COLUMNS); NaN with too few."""
    vertical_px = np.concatenate([m.vertical_px for m in matches])
    at_px = np.concatenate([m.left_px for m in matches])
    column = np.clip(at_px[:, 0] * CELL_COLUMNS // width, 0, CELL_COLUMNS - 1).astype(int)
    row = np.clip(at_px[:, 1] * CELL_ROWS // height, 0, CELL_ROWS - 1).astype(int)
    offsets_px = np.full((CELL_ROWS, CELL_COLUMNS), np.nan)
    enough = max(MIN_IN_CELL, MIN_FRACTION_IN_CELL * len(at_px))
    for at in np.ndindex(offsets_px.shape):
        here = (row == at[0]) & (column == at[1])
        if here.sum() >= enough:
            offsets_px[at] = np.median(vertical_px[here])
    return offsets_px


def largest_deviation_px(offsets_px: np.ndarray, median_px: float) -> float:
    """Return the largest difference of a cell from the median of all; 0 without cells."""
    known = offsets_px[np.isfinite(offsets_px)]
    return float(np.abs(known - median_px).max(initial=0))


def behind_and_ahead_fractions(disparity_px: np.ndarray) -> tuple[float, float]:
    """Return the fractions of points clearly behind and before infinity; 0 behind is right."""
    return float(np.mean(disparity_px < -BEHIND_PX)), float(np.mean(disparity_px > BEHIND_PX))


def broken_fraction(
    matches: ViewMatches, *, tolerance_px: float, max_disparity_px: float
) -> float:
    """Return the fraction of points of a vertical offset or disparity that no network learns."""
    disparity_px = matches.disparity_px
    broken = np.abs(matches.vertical_px) > tolerance_px
    broken |= (disparity_px < -BEHIND_PX) | (disparity_px > max_disparity_px)
    return float(broken.mean()) if len(broken) else 0.0


def implied_baseline_m(
    disparity_px: np.ndarray, true_m: np.ndarray, *, focal_px: float
) -> float | None:
    """
    Return the baseline that turns the matched disparity into the true depth: median of d * Z / f.

    disparity_px: (N,) matched disparity of pixels, NaN where unknown.
    true_m: (N,) true depth of the same pixels, NaN where unknown.
    focal_px: focal length at the resolution of disparity_px.
    Returns None if too few pixels have both.
    """
    both = np.isfinite(true_m) & (np.nan_to_num(disparity_px) > MIN_GROUND_TRUTH_DISPARITY_PX)
    if both.sum() < MIN_GROUND_TRUTH_PIXELS:
        return None
    return float(np.median(disparity_px[both] * true_m[both]) / focal_px)


def _tracked(matches: ViewMatches) -> ViewMatches:
    found = np.isfinite(matches.motion_px[:, 1])
    return ViewMatches(*(values[found] for values in matches))


def _slope(motion_px: np.ndarray, vertical_px: np.ndarray) -> float | None:
    """Return the slope of vertical errors over motion in one pair; None if too little moves."""
    one = np.ones((len(motion_px), 1))
    if len(motion_px) < MIN_TRACKED or _unexplained_px(one, motion_px) < MIN_PARALLAX_PX:
        return None
    return robust_fit(np.column_stack([one, motion_px]), vertical_px)[1]


def _unexplained_px(design: np.ndarray, motion_px: np.ndarray) -> float:
    error_px = motion_px - design @ robust_fit(design, motion_px)
    return float(MAD_TO_SIGMA * np.median(np.abs(error_px)))


def _cubic_place(at_px: np.ndarray, width: int, height: int) -> np.ndarray:
    """Return the monomials up to degree 3 of positions in widths from the centre, (N, 10)."""
    _, u, v = _place(at_px, width, height).T / width
    terms = [u**i * v**j for i in range(4) for j in range(4 - i)]
    return np.column_stack(terms)


def _place(at_px: np.ndarray, width: int, height: int) -> np.ndarray:
    """Return ones and the positions relative to the image's centre in px, (N, 3)."""
    centred_px = at_px - np.array([(width - 1) / 2, (height - 1) / 2])
    return np.column_stack([np.ones(len(at_px)), centred_px])
