"""What the geometry of matches says about a rig: arrays in, numbers out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from trainer.check.matching import EyeMatches

# Parts of the image whose vertical offsets are compared, and what a median of one needs. The
# share of all matches keeps a sky, with nothing but wrong ones, from having a say.
CELL_COLUMNS, CELL_ROWS = 4, 3
MIN_IN_CELL, MIN_SHARE_IN_CELL = 15, 0.01
# Of vertical motion that no turn of the camera explains: feature noise alone shows 0.2 px.
MIN_PARALLAX_PX = 0.5
MIN_TRACKED = 60
FIT_STEPS = 30
MAD_TO_SIGMA = 1.4826
# Far points are noisy by less.
BEHIND_PX = 1.0
# Of a matched disparity: its noise is a small share of more.
MIN_TRUTH_DISPARITY_PX = 4.0
MIN_TRUTH_PIXELS = 200


class VerticalFit(NamedTuple):
    """
    vertical_px = offset + roll * u + scale * v, from the image's centre.

    roll_rad: the right image is turned clockwise. scale: it is larger by this share.
    """

    offset_px: float
    roll_rad: float
    scale: float


def fit_vertical(matches: Sequence[EyeMatches], *, width: int, height: int) -> VerticalFit:
    """What a misaligned rig does to all pairs alike."""
    vertical_px = np.concatenate([m.vertical_px for m in matches])
    place = np.concatenate([_place(m.left_px, width, height) for m in matches])
    return VerticalFit(*robust_fit(place, vertical_px))


def late_frames(matches: Sequence[EyeMatches], *, width: int, height: int) -> list[float | None]:
    """
    How many frames after its left image each right one was taken; None where too little moves.

    A late eye sees every point where its own motion has taken it: near ones farther than far
    ones, and otherwise in every pair. No misalignment does that, so the vertical errors of all
    pairs are split into one function of the place (cubic, for a lens that nobody undistorted
    bends so) and a multiple of each point's vertical motion.
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


def incoherence_px(matches: Sequence[EyeMatches], *, width: int, height: int) -> float:
    """Median distance of the vertical errors from fit_vertical; wrong matches make it large."""
    vertical_px = np.concatenate([m.vertical_px for m in matches])
    place = np.concatenate([_place(m.left_px, width, height) for m in matches])
    fit = fit_vertical(matches, width=width, height=height)
    return float(np.median(np.abs(vertical_px - place @ np.array(fit))))


def robust_fit(design: np.ndarray, values: np.ndarray) -> list[float]:
    """
    Coefficients c of design @ c = values, reweighted so that outliers (Cauchy) hardly count.

    design: (N, K), values: (N,). It begins at the median, the first column being 1.
    """
    coefficients = np.zeros(design.shape[1])
    coefficients[0] = np.median(values)
    for _ in range(FIT_STEPS):
        error = values - design @ coefficients
        sigma = MAD_TO_SIGMA * np.median(np.abs(error)) + 1e-3
        weighted = design / (1 + (error / (2 * sigma)) ** 2)[:, None]
        # Normal equations are much faster and precise enough; a column of zeros gets 0.
        coefficients = np.linalg.lstsq(weighted.T @ design, weighted.T @ values, rcond=None)[0]
    return [float(c) for c in coefficients]


def cell_offsets_px(matches: Sequence[EyeMatches], *, width: int, height: int) -> np.ndarray:
    """Median vertical_px in cells of the image, (CELL_ROWS, CELL_COLUMNS), NaN with too few."""
    vertical_px = np.concatenate([m.vertical_px for m in matches])
    at_px = np.concatenate([m.left_px for m in matches])
    column = np.clip(at_px[:, 0] * CELL_COLUMNS // width, 0, CELL_COLUMNS - 1).astype(int)
    row = np.clip(at_px[:, 1] * CELL_ROWS // height, 0, CELL_ROWS - 1).astype(int)
    offsets_px = np.full((CELL_ROWS, CELL_COLUMNS), np.nan)
    enough = max(MIN_IN_CELL, MIN_SHARE_IN_CELL * len(at_px))
    for at in np.ndindex(offsets_px.shape):
        here = (row == at[0]) & (column == at[1])
        if here.sum() >= enough:
            offsets_px[at] = np.median(vertical_px[here])
    return offsets_px


def largest_deviation_px(offsets_px: np.ndarray, median_px: float) -> float:
    """How far the cells are from the median of all; 0 without cells."""
    known = offsets_px[np.isfinite(offsets_px)]
    return float(np.abs(known - median_px).max(initial=0))


def behind_and_ahead_share(disparity_px: np.ndarray) -> tuple[float, float]:
    """The shares of points surely behind and before infinity: 0 behind in a good pair."""
    return float(np.mean(disparity_px < -BEHIND_PX)), float(np.mean(disparity_px > BEHIND_PX))


def broken_share(matches: EyeMatches, *, tolerance_px: float, max_disparity_px: float) -> float:
    """The share of points that a stereo network cannot explain; 0 without points."""
    disparity_px = matches.disparity_px
    broken = np.abs(matches.vertical_px) > tolerance_px
    broken |= (disparity_px < -BEHIND_PX) | (disparity_px > max_disparity_px)
    return float(broken.mean()) if len(broken) else 0.0


def implied_baseline_m(
    disparity_px: np.ndarray, true_m: np.ndarray, *, focal_px: float
) -> float | None:
    """
    The baseline that makes the true depth of the matched disparity: median of d * Z / f.

    disparity_px, true_m: of the same pixels, NaN where unknown. None where too few have both.
    """
    both = np.isfinite(true_m) & (np.nan_to_num(disparity_px) > MIN_TRUTH_DISPARITY_PX)
    if both.sum() < MIN_TRUTH_PIXELS:
        return None
    return float(np.median(disparity_px[both] * true_m[both]) / focal_px)


def _tracked(matches: EyeMatches) -> EyeMatches:
    found = np.isfinite(matches.motion_px[:, 1])
    return EyeMatches(*(values[found] for values in matches))


def _slope(motion_px: np.ndarray, vertical_px: np.ndarray) -> float | None:
    """Of the errors of one pair over its motion; None where too little moves."""
    one = np.ones((len(motion_px), 1))
    if len(motion_px) < MIN_TRACKED or _unexplained_px(one, motion_px) < MIN_PARALLAX_PX:
        return None
    return robust_fit(np.column_stack([one, motion_px]), vertical_px)[1]


def _unexplained_px(design: np.ndarray, motion_px: np.ndarray) -> float:
    error_px = motion_px - design @ robust_fit(design, motion_px)
    return float(MAD_TO_SIGMA * np.median(np.abs(error_px)))


def _cubic_place(at_px: np.ndarray, width: int, height: int) -> np.ndarray:
    """(N, 10): the products of up to three coordinates, from the image's centre in widths."""
    _, u, v = _place(at_px, width, height).T / width
    terms = [u**i * v**j for i in range(4) for j in range(4 - i)]
    return np.column_stack(terms)


def _place(at_px: np.ndarray, width: int, height: int) -> np.ndarray:
    """(N, 3): one, and the place relative to the image's centre in px."""
    centred_px = at_px - np.array([(width - 1) / 2, (height - 1) / 2])
    return np.column_stack([np.ones(len(at_px)), centred_px])
