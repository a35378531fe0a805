"""Metrics of depth against a ground truth, as the field uses them (docs/method.md#metrics)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from trainer.datasets.disparity_files import is_bad

DELTA = 1.25
# The crop of Garg et al. 2016, as fractions of the height and of the width.
GARG_ROWS = (0.40810811, 0.99189189)
GARG_COLUMNS = (0.03594771, 0.96405229)


class DepthMetrics(NamedTuple):
    """
    The metrics of a predicted depth Zp against the true Z, over the pixels compared.

    abs_rel: mean |Zp - Z| / Z.
    sq_rel_m: mean (Zp - Z)^2 / Z.
    rmse_m: root mean square of Zp - Z.
    rmse_log: root mean square of ln Zp - ln Z.
    delta_1, delta_2, delta_3: fraction with max(Zp / Z, Z / Zp) below 1.25, 1.25^2, 1.25^3.
    """

    abs_rel: float
    sq_rel_m: float
    rmse_m: float
    rmse_log: float
    delta_1: float
    delta_2: float
    delta_3: float


def depth_metrics(predicted_m: np.ndarray, true_m: np.ndarray) -> DepthMetrics:
    """Compare finite positive depths of equal shape; raise ValueError for empty arrays."""
    if not true_m.size:
        raise ValueError('got no pixel to compare, expected at least one')
    predicted, true = predicted_m.astype(np.float64), true_m.astype(np.float64)
    error = np.abs(predicted - true)
    log_error = np.log(predicted) - np.log(true)
    ratio = np.maximum(predicted / true, true / predicted)
    return DepthMetrics(
        abs_rel=float(np.mean(error / true)),
        sq_rel_m=float(np.mean(error**2 / true)),
        rmse_m=float(np.sqrt(np.mean(error**2))),
        rmse_log=float(np.sqrt(np.mean(log_error**2))),
        delta_1=float(np.mean(ratio < DELTA)),
        delta_2=float(np.mean(ratio < DELTA**2)),
        delta_3=float(np.mean(ratio < DELTA**3)),
    )


def mean_metrics(images: Iterable[DepthMetrics]) -> DepthMetrics:
    """Return the mean over images, as the field reports it."""
    return DepthMetrics(*np.mean(list(images), axis=0).tolist())


def d1_all(predicted_px: np.ndarray, true_px: np.ndarray) -> float:
    """Return the percentage of disparities wrong by at least 3 px and 5 %; equal shapes."""
    return 100 * float(np.mean(is_bad(predicted_px, true_px)))


def garg_crop(height: int, width: int) -> np.ndarray:
    """Return (H, W) bool: True inside the crop of Garg et al., which KITTI's lidar covers."""
    inside = np.zeros((height, width), bool)
    rows, columns = (
        slice(*(int(fraction * size) for fraction in fractions))
        for fractions, size in ((GARG_ROWS, height), (GARG_COLUMNS, width))
    )
    inside[rows, columns] = True
    return inside


def median_scale(predicted_m: np.ndarray, true_m: np.ndarray) -> float:
    """
    Return the factor that scales the prediction to the median of the ground truth.

    It hides a wrong scale: a metric model must not need it, and a result that used it must say
    so.

    predicted_m: positive, before it is clamped, +inf beyond range.
    true_m: the ground truth of the same pixels.
    Returns 1 if the median of the prediction is +inf, which no factor changes.
    """
    median_m = np.median(predicted_m)
    return float(np.median(true_m) / median_m) if np.isfinite(median_m) else 1.0
