"""How far a depth image is from the truth, in metres and without any scaling."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np


class DepthMetrics(NamedTuple):
    """abs_rel = mean |Zp - Z| / Z; rmse_m; delta_1 = share with max(Zp / Z, Z / Zp) < 1.25."""

    abs_rel: float
    rmse_m: float
    delta_1: float


def depth_metrics(predicted_m: np.ndarray, true_m: np.ndarray) -> DepthMetrics:
    """Compare finite positive depths of equal shape. Raises ValueError when there is none."""
    if not true_m.size:
        raise ValueError('got no pixel to compare, expected at least one')
    error = np.abs(predicted_m - true_m)
    ratio = np.maximum(predicted_m / true_m, true_m / predicted_m)
    return DepthMetrics(
        abs_rel=float(np.mean(error / true_m)),
        rmse_m=float(np.sqrt(np.mean(error.astype(np.float64) ** 2))),
        delta_1=float(np.mean(ratio < 1.25)),
    )


def mean_metrics(images: Iterable[DepthMetrics]) -> DepthMetrics:
    """The mean over images, as the field reports it (METHOD section 6)."""
    return DepthMetrics(*np.mean(list(images), axis=0).tolist())
