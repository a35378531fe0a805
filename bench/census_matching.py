"""
Semi-global matching of census transforms: a ground truth that shares no cost with StereoSGBM.

A training that is taught by StereoSGBM can be judged with it. It looks for
disparities up to MAX_DISPARITY_FRAC of the width, and says nothing where it is not sure.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import cv2
import numpy as np
from numpy.lib.stride_tricks import as_strided, sliding_window_view

from monodepth_ros.core.camera import StereoCalibration
from monodepth_ros.core.disparity import depth_from_disparity
from trainer.datasets.stereo_matching import grey
from trainer.model.limits import MAX_DISPARITY_FRAC

# Half the pixels. At full size, 18 % instead of 22 % of KITTI's pixels beyond 32 m differ from the
# lidar by more than 10 %, but depth is known for 43 % of an image instead of 54 %, and matching
# takes three times as long.
MATCHING_SCALE = 0.5**0.5
# A window of 5 x 5 px, in which 12 pairs of opposite pixels are compared. Larger ones find less of
# thin objects, and take more of what is behind an edge.
HALF_WINDOW = 2
# The penalties of a path for a change of disparity by 1 px and by more, in bits as the cost is.
# A jump of 100 loses near posts of up to 16 px: each path pays it twice, there and back.
STEP_PENALTY, JUMP_PENALTY = np.uint8(5), np.uint8(20)
# The cost of a match outside the right view is that of a fair match, so that a surface goes on
# over the border instead of jumping to a false match inside.
OUTSIDE_COST = 3
# Another disparity, more than NEIGHBOURS_PX away, must cost this many times as much.
UNIQUENESS, NEIGHBOURS_PX = 1.3, 2
CONSISTENT_PX = 1
# Grey levels per px, the root of the mean square along a row. Below it the paths only carry on
# what they met before: a house goes on into the sky, and is unique there.
MIN_TEXTURE = 0.5
# A window must be known by half: where few pixels pass the checks, most of those are wrong.
MIN_DENSITY = 0.5
CHECKED_WINDOW_PX = 9
SPECKLE_PIXELS, SPECKLE_STEPS, STEPS_PER_PX = 100, 16, 16
# The refinement's window at full size. A spread of disparities above this has an edge in it.
REFINED_WINDOW_PX, MAX_SPREAD_PX = 7, 4.0
MAX_REFINEMENT_PX = 1.0


def matched_depth_m(
    left_rgb: np.ndarray, right_rgb: np.ndarray, calibration: StereoCalibration
) -> np.ndarray:
    """
    Return the depth of the left view where matching is sure of it.

    left_rgb, right_rgb: (H, W, 3) or grey (H, W) uint8, rectified.
    calibration: of the views at that size.
    Returns (H, W) float32 metres, NaN where unknown: what only one view sees, what repeats or has
    no texture, and disparities of 0 or from MAX_DISPARITY_FRAC of the width.
    """
    left, right = grey(left_rgb), grey(right_rgb)
    height, width = left.shape
    size = (round(width * MATCHING_SCALE), round(height * MATCHING_SCALE))
    small = [cv2.resize(image, size, interpolation=cv2.INTER_AREA) for image in (left, right)]
    matched_px = _winners(_path_costs(_matching_costs(*small)))
    textured_px = np.where(_texture(small[0]) >= MIN_TEXTURE, matched_px, np.float32(np.nan))
    whole = cv2.resize(
        _without_speckles(textured_px), (width, height), interpolation=cv2.INTER_NEAREST_EXACT
    )
    return depth_from_disparity(
        _refined(whole * np.float32(width / size[0]), left, right),
        focal_px=calibration.intrinsics.fx,
        baseline_m=calibration.baseline_m,
    )


def _census(grey: np.ndarray) -> np.ndarray:
    """Return which of two opposite pixels of the window is brighter, (H, W) uint16 of 12 bits."""
    height, width = grey.shape
    padded = np.pad(grey, HALF_WINDOW, mode='edge')
    windows = sliding_window_view(padded, (height, width))
    bits = np.zeros(grey.shape, np.uint16)
    places = list(product(range(2 * HALF_WINDOW + 1), repeat=2))
    for (v, u), opposite in zip(places[: len(places) // 2], places[::-1], strict=False):
        bits = (bits << np.uint16(1)) | (windows[v, u] > windows[opposite])
    return bits


def _matching_costs(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Return how many census bits of (v, u) and (v, u - d) differ: (H, W, D) uint8 by v, u, d."""
    height, width = left.shape
    disparities = int(MAX_DISPARITY_FRAC * width) + 1
    left_bits = _census(left)
    right_bits = np.pad(_census(right), ((0, 0), (disparities - 1, 0)))
    outside = np.arange(disparities)[:, None] < np.arange(disparities)
    costs = np.empty((height, width, disparities), np.uint8)
    for row, of_left, of_right in zip(costs, left_bits, right_bits, strict=True):
        matches = sliding_window_view(of_right, disparities)[:, ::-1]
        np.bitwise_count(of_left[:, None] ^ matches, out=row)
        row[:disparities][outside] = OUTSIDE_COST
    return costs


def _path_costs(costs: np.ndarray) -> np.ndarray:
    """Return the sum of the costs along the paths from four sides, (H, W, D) uint16."""
    sums = np.zeros(costs.shape, np.uint16)
    for axes in ((0, 1, 2), (1, 0, 2)):
        for way in (1, -1):
            along, total = (volume.transpose(axes)[::way] for volume in (costs, sums))
            for path, line in zip(_paths(along), total, strict=True):
                line += path
    return sums


def _paths(costs: np.ndarray) -> Iterator[np.ndarray]:
    """
    Yield the costs of the paths that come through the lines before, one line after the other.

    costs: (N, M, D) uint8, N lines.
    Yields (M, D) uint8, an array that the next line overwrites. A line's cost adds at most
    JUMP_PENALTY to its own, which leaves room for STEP_PENALTY in 8 bits.
    """
    path = np.zeros(costs.shape[1:], np.uint8)
    cheapest, neighbour = np.empty_like(path), np.empty_like(path)
    for line in costs:
        np.subtract(path, path.min(axis=1, keepdims=True), out=path)
        np.minimum(path, JUMP_PENALTY, out=cheapest)
        np.add(path, STEP_PENALTY, out=neighbour)
        np.minimum(cheapest[:, 1:], neighbour[:, :-1], out=cheapest[:, 1:])
        np.minimum(cheapest[:, :-1], neighbour[:, 1:], out=cheapest[:, :-1])
        np.add(line, cheapest, out=path)
        yield path


def _winners(sums: np.ndarray) -> np.ndarray:
    """Return the disparity of least cost where all checks agree, (H, W) float32 px, else NaN."""
    return np.stack([_winners_of_row(row) for row in sums])


def _winners_of_row(sums: np.ndarray) -> np.ndarray:
    """Return _winners of a row, (W,) float32 px, from its sums, (W, D) uint16."""
    width, disparities = sums.shape
    winner = sums.argmin(axis=1)
    match = np.arange(width) - winner
    seen_from_right = _right_sums(sums).argmin(axis=1)[np.maximum(match, 0)]
    inside = (match >= 0) & (winner > 0) & (winner < disparities - 1)
    consistent = np.abs(seen_from_right - winner) <= CONSISTENT_PX
    around = np.clip(winner, 1, disparities - 2)[:, None] + (-1, 0, 1)
    before, least, after = np.take_along_axis(sums, around, axis=1).T.astype(np.float32)
    unique = _others(sums, winner) > UNIQUENESS * least
    # The vertex of the parabola through three costs, of which the middle one is the least.
    curvature = np.maximum(before + after - 2 * least, 1)
    disparity_px = winner + (before - after) / (2 * curvature)
    known = inside & consistent & unique
    return np.where(known, disparity_px, np.nan).astype(np.float32)


def _right_sums(sums: np.ndarray) -> np.ndarray:
    """Return a row's sums for the pixels of the right view, (W, D): those of u + d, by u and d."""
    width, disparities = sums.shape
    padded = np.pad(sums, ((0, disparities), (0, 0)), constant_values=np.iinfo(sums.dtype).max)
    down, along = padded.strides
    return as_strided(padded, (width, disparities), (down, down + along), writeable=False)


def _others(sums: np.ndarray, winner: np.ndarray) -> np.ndarray:
    """Return the least sum of disparities more than NEIGHBOURS_PX from the winner, (W,)."""
    near = winner[:, None] + np.arange(-NEIGHBOURS_PX, NEIGHBOURS_PX + 1)
    others = sums.copy()
    near = np.clip(near, 0, sums.shape[1] - 1)
    np.put_along_axis(others, near, np.iinfo(sums.dtype).max, axis=1)
    return np.asarray(others.min(axis=1))


def _texture(grey: np.ndarray) -> np.ndarray:
    """Return the root mean square of the slope along a row in a window, (H, W) grey levels/px."""
    slope = np.gradient(grey.astype(np.float32), axis=1)
    return np.sqrt(cv2.boxFilter(slope * slope, -1, (CHECKED_WINDOW_PX,) * 2))


def _without_speckles(disparity_px: np.ndarray) -> np.ndarray:
    """Return the disparity, (H, W) float32 px, with NaN in small or sparsely known regions."""
    known = np.isfinite(disparity_px)
    density = cv2.boxFilter(known.astype(np.float32), -1, (CHECKED_WINDOW_PX,) * 2)
    dense = known & (density >= MIN_DENSITY)
    steps = np.where(dense, np.nan_to_num(disparity_px) * STEPS_PER_PX, -1).astype(np.int16)
    cv2.filterSpeckles(steps, -1, SPECKLE_PIXELS, SPECKLE_STEPS)
    return np.where(steps >= 0, disparity_px, np.float32(np.nan))


def _refined(disparity_px: np.ndarray, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """
    Return the disparity after a step of least squares towards equal brightness in a window.

    disparity_px: (H, W) float32, NaN where unknown; unchanged where a window has an edge in it.
    left, right: (H, W) uint8.
    The costs of census prefer whole pixels. On KITTI the step takes the median difference from
    the lidar from 5 % to 4 % beyond 32 m.
    """
    known = np.isfinite(disparity_px)
    weight = known.astype(np.float32)
    mass = np.maximum(_window_mean(weight), np.finfo(np.float32).eps)
    mean_px = _window_mean(np.nan_to_num(disparity_px)) / mass
    u, v = np.meshgrid(*(np.arange(size, dtype=np.float32) for size in left.shape[::-1]))
    moved = cv2.remap(right.astype(np.float32), u - mean_px, v, cv2.INTER_CUBIC)
    difference = moved - left
    # Cameras differ in exposure.
    difference -= _window_mean(difference * weight) / mass
    slope = np.gradient(moved, axis=1) * weight
    curvature = np.maximum(_window_mean(slope * slope), np.finfo(np.float32).eps)
    step_px = _window_mean(slope * difference) / curvature
    refined_px = mean_px + np.clip(step_px, -MAX_REFINEMENT_PX, MAX_REFINEMENT_PX)
    smooth = known & (_spread(disparity_px) < MAX_SPREAD_PX)
    result_px = np.where(smooth, refined_px, disparity_px)
    return np.where(result_px <= u, result_px, np.float32(np.nan))


def _window_mean(values: np.ndarray) -> np.ndarray:
    return np.asarray(cv2.boxFilter(values, -1, (REFINED_WINDOW_PX,) * 2))


def _spread(disparity_px: np.ndarray) -> np.ndarray:
    """Return the largest less the smallest known disparity of a window, (H, W) px."""
    window = np.ones((REFINED_WINDOW_PX,) * 2, np.uint8)
    largest = cv2.dilate(np.nan_to_num(disparity_px), window)
    # No disparity reaches the width.
    smallest = cv2.erode(np.nan_to_num(disparity_px, nan=disparity_px.shape[1]), window)
    return np.asarray(largest - smallest)
