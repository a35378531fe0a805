"""Metrics by hand."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
import numpy as np
import pytest

from trainer.evaluate.metrics import (
    d1_all,
    depth_metrics,
    DepthMetrics,
    garg_crop,
    mean_metrics,
    median_scale,
)

# Six pixels are right; 4 m is seen at 5 m, 8 m at 4 m, 2 m at 4 m.
TRUE_M = np.array([[2.0, 4.0, 8.0], [4.0, 4.0, 4.0], [8.0, 10.0, 2.0]])
PREDICTED_M = np.array([[2.0, 4.0, 8.0], [5.0, 4.0, 4.0], [4.0, 10.0, 4.0]])
DEPTHS_M = arrays(np.float64, (3, 3), elements=st.floats(0.1, 80))


def test_nine_pixels_by_hand():
    metrics = depth_metrics(PREDICTED_M, TRUE_M)
    assert metrics.abs_rel == pytest.approx((1 / 4 + 4 / 8 + 2 / 2) / 9)
    assert metrics.sq_rel_m == pytest.approx((1 / 4 + 16 / 8 + 4 / 2) / 9)
    assert metrics.rmse_m == pytest.approx(math.sqrt((1 + 16 + 4) / 9))
    logs = math.log(1.25) ** 2 + 2 * math.log(2) ** 2
    assert metrics.rmse_log == pytest.approx(math.sqrt(logs / 9))
    # 5 / 4 is 1.25: not below it. A ratio of 2 is above 1.25^3 = 1.953.
    assert metrics.delta_1 == pytest.approx(6 / 9)
    assert metrics.delta_2 == pytest.approx(7 / 9)
    assert metrics.delta_3 == pytest.approx(7 / 9)


def test_the_third_threshold_lies_above_the_second():
    metrics = depth_metrics(np.array([1.6, 1.9]), np.array([1.0, 1.0]))
    assert (metrics.delta_1, metrics.delta_2, metrics.delta_3) == (0, 0, 1)


def test_bad_disparities_by_hand():
    true_px = np.array([[10, 10, 10], [100, 100, 100], [50, 50, 50.0]])
    # 3 px of 10 are bad and 2.9 are not; of 100 it takes 5 px; a sky of 0 px is bad.
    predicted_px = np.array([[13, 12.9, 7], [104, 105, 95], [50, 50, 0.0]])
    assert d1_all(predicted_px, true_px) == pytest.approx(100 * 5 / 9)


def test_the_garg_crop_by_hand():
    crop = garg_crop(375, 1242)
    # 0.40810811 * 375 = 153.04, 0.99189189 * 375 = 371.96; 44.6 and 1197.4 of 1242.
    assert np.flatnonzero(crop.any(axis=1))[[0, -1]].tolist() == [153, 370]
    assert np.flatnonzero(crop.any(axis=0))[[0, -1]].tolist() == [44, 1196]
    assert crop.sum() == (371 - 153) * (1197 - 44)


def test_median_scaling_by_hand():
    # Medians 4 and 3.
    factor = median_scale(np.array([1.0, 3.0, 30.0]), np.array([2.0, 4.0, 5.0]))
    assert factor == pytest.approx(4 / 3)


@given(DEPTHS_M)
def test_a_perfect_prediction_has_no_error(true_m):
    assert depth_metrics(true_m, true_m) == (0, 0, 0, 0, 1, 1, 1)
    assert d1_all(true_m, true_m) == 0


@given(DEPTHS_M, st.floats(0.1, 10))
def test_median_scaling_undoes_any_scale(true_m, scale):
    predicted_m = true_m * scale
    scaled = predicted_m * median_scale(predicted_m, true_m)
    np.testing.assert_allclose(scaled, true_m)


@given(DEPTHS_M, DEPTHS_M, st.floats(0.1, 10))
def test_relative_metrics_do_not_depend_on_the_unit(predicted_m, true_m, scale):
    metres, other = (
        depth_metrics(predicted_m, true_m),
        depth_metrics(predicted_m * scale, true_m * scale),
    )
    assert other.abs_rel == pytest.approx(metres.abs_rel)
    assert other.rmse_log == pytest.approx(metres.rmse_log, abs=1e-9)
    assert other.rmse_m == pytest.approx(scale * metres.rmse_m)


def test_images_count_equally():
    images = [DepthMetrics(0.1, 1, 1, 1, 1, 1, 1), DepthMetrics(0.3, 2, 3, 0, 0, 0, 1)]
    assert mean_metrics(images) == pytest.approx((0.2, 1.5, 2, 0.5, 0.5, 0.5, 1))


def test_nothing_to_compare_is_an_error():
    with pytest.raises(ValueError, match='no pixel'):
        depth_metrics(np.array([]), np.array([]))
