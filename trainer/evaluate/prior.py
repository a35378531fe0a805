"""The best guess that never looks at the image: what a network must beat to have seen anything."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from rich.progress import track

from trainer.datasets.depth_map import DepthMap
from trainer.datasets.sources import PairSequence
from trainer.datasets.stereo_matching import checked_depth_m

CELL_PX = 16
NEAR_M, FAR_M = 0.5, 80.0
# Evenly spaced; more change no median and cost half a second and 2 MB each.
MOST_PAIRS = 200


def training_prior(pairs: PairSequence) -> DepthMap:
    """The cell_prior of the checked semi-global matching of a training sequence."""
    step = -(-len(pairs.names) // MOST_PAIRS)
    return cell_prior(
        [
            DepthMap(
                checked_depth_m(*pairs.read_pair(name), pairs.calibration),
                pairs.calibration.intrinsics,
            )
            for name in track(pairs.names[::step], 'matching training pairs')
        ]
    )


def cell_prior(training: Sequence[DepthMap]) -> DepthMap:
    """
    The median of training depth in CELL_PX x CELL_PX cells, spread over their pixels.

    training: of one camera. NaN where no training depth was in range.
    """
    camera = training[0].camera
    cells = [_as_cells(depth.depth_m) for depth in training]
    medians = median_depth(np.concatenate(cells, axis=0))
    full = np.kron(medians, np.ones((CELL_PX, CELL_PX), np.float32))
    return DepthMap(full[: camera.height, : camera.width], camera)


def median_depth(depths_m: np.ndarray) -> np.ndarray:
    """(N, H, W) to the per-pixel median (H, W) of the depths in range, NaN without any."""
    in_range = np.where((depths_m > NEAR_M) & (depths_m < FAR_M), depths_m, np.nan)
    seen = np.isfinite(in_range).any(axis=0)
    median = np.full(depths_m.shape[1:], np.nan, np.float32)
    median[seen] = np.nanmedian(in_range[:, seen], axis=0)
    return median


def _as_cells(depth_m: np.ndarray) -> np.ndarray:
    """(H, W) to (CELL_PX**2, rows, columns): each cell's pixels stacked, padded with NaN."""
    height, width = depth_m.shape
    rows, columns = -(-height // CELL_PX), -(-width // CELL_PX)
    padded = np.full((rows * CELL_PX, columns * CELL_PX), np.nan, np.float32)
    padded[:height, :width] = depth_m
    cells = padded.reshape(rows, CELL_PX, columns, CELL_PX).transpose(1, 3, 0, 2)
    return cells.reshape(-1, rows, columns)
