"""Metrics by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from trainer.metrics import depth_metrics, DepthMetrics, mean_metrics


def test_three_pixels_by_hand():
    predicted, true = np.array([2.0, 5.0, 9.0]), np.array([2.0, 4.0, 10.0])
    metrics = depth_metrics(predicted, true)
    assert metrics.abs_rel == pytest.approx((0 + 1 / 4 + 1 / 10) / 3)
    assert metrics.rmse_m == pytest.approx(math.sqrt((0 + 1 + 1) / 3))
    # 5 / 4 is 1.25: not below it.
    assert metrics.delta_1 == pytest.approx(2 / 3)


def test_images_count_equally():
    assert mean_metrics([DepthMetrics(0.1, 1, 1), DepthMetrics(0.3, 3, 0)]) == pytest.approx(
        (0.2, 2, 0.5)
    )


def test_nothing_to_compare_is_an_error():
    with pytest.raises(ValueError, match='no pixel'):
        depth_metrics(np.array([]), np.array([]))
