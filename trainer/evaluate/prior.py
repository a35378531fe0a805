"""A prior that ignores the image: a network that does not beat it has learned nothing else."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from rich.progress import track

from trainer.datasets.depth_map import DepthMap
from trainer.datasets.sources import PairSequence
from trainer.datasets.stereo_matching import checked_depth_m

CELL_PX = 16
NEAR_M, FAR_M = 0.5, 80.0
# Number of evenly spaced pairs; more change no median and take half a second and 2 MB each.
MAX_PAIRS = 200


def training_prior(pairs: PairSequence) -> DepthMap:
    """Return the cell_prior of a training sequence, from semi-global matching of its pairs."""
    step = -(-len(pairs.names) // MAX_PAIRS)
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
    Return the median training depth of cells of CELL_PX x CELL_PX, at full resolution.

    training: depth maps of one camera.
    Returns NaN where no training depth was in range.
    """
    camera = training[0].camera
    cells = [_as_cells(depth.depth_m) for depth in training]
    medians = median_depth(np.concatenate(cells, axis=0))
    full = np.kron(medians, np.ones((CELL_PX, CELL_PX), np.float32))
    return DepthMap(full[: camera.height, : camera.width], camera)


def median_depth(depths_m: np.ndarray) -> np.ndarray:
    """Return the median over N of the depths in range, (N, H, W) -> (H, W); NaN without any."""
    in_range = np.where((depths_m > NEAR_M) & (depths_m < FAR_M), depths_m, np.nan)
    seen = np.isfinite(in_range).any(axis=0)
    median = np.full(depths_m.shape[1:], np.nan, np.float32)
    median[seen] = np.nanmedian(in_range[:, seen], axis=0)
    return median


def _as_cells(depth_m: np.ndarray) -> np.ndarray:
    """Stack the pixels of each cell, (H, W) -> (CELL_PX**2, rows, columns), padded with NaN."""
    height, width = depth_m.shape
    rows, columns = -(-height // CELL_PX), -(-width // CELL_PX)
    padded = np.full((rows * CELL_PX, columns * CELL_PX), np.nan, np.float32)
    padded[:height, :width] = depth_m
    cells = padded.reshape(rows, CELL_PX, columns, CELL_PX).transpose(1, 3, 0, 2)
    return cells.reshape(-1, rows, columns)
