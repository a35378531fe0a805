"""One frame against its truth, and the counts over many."""

from __future__ import annotations

from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
import numpy as np
import pytest

from monodepth_ros.core.camera import Camera, Intrinsics, StereoCalibration
from trainer.datasets.depth_map import DepthMap
from trainer.evaluate.config import EvaluateConfig
from trainer.evaluate.ground_truth import DisparityGroundTruth, GroundTruthFrame
from trainer.evaluate.scoring import compare, ErrorCounts

CAMERA = Intrinsics(fx=100, fy=100, cx=1, cy=1, width=3, height=3)
RGB = np.zeros((3, 3, 3), np.uint8)
NAN, INF = np.nan, np.inf


def _frame(true_m, disparity=None):
    true = DepthMap(np.array(true_m, np.float32), CAMERA)
    return GroundTruthFrame('a', RGB, Camera.pinhole(CAMERA), true, disparity)


def _array(rows):
    return np.array(rows, np.float32)


def test_nine_pixels_by_hand():
    # Of seven true pixels in range, one is not predicted and one is beyond range: the cap.
    frame = _frame([[10, 10, NAN], [10, 40, 90], [20, 20, 20]])
    predicted_m = _array([[10, 5, 10], [NAN, INF, 10], [20, 20, 30]])
    comparison = compare({'net': predicted_m}, frame, EvaluateConfig(), garg=False)
    score = comparison.scores['net']
    assert score.pixels == comparison.compared.sum() == 6
    assert score.valid_share == pytest.approx(6 / 7)
    assert score.metrics.abs_rel == pytest.approx((0 + 0.5 + 40 / 40 + 0 + 0 + 0.5) / 6)
    assert score.d1_all is None
    assert comparison.depths_m['net'][1, 1] == 80


def test_all_rows_are_compared_over_the_same_pixels():
    frame = _frame(np.full((3, 3), 10))
    left, right = np.full((3, 3), 10.0), np.full((3, 3), 20.0)
    left[:, 0], right[:, 2] = NAN, NAN
    scores = compare({'a': left, 'b': right}, frame, EvaluateConfig(), garg=False).scores
    assert [score.pixels for score in scores.values()] == [3, 3]
    assert [score.valid_share for score in scores.values()] == pytest.approx([2 / 3, 2 / 3])


def test_nothing_in_common_is_none():
    frame = _frame([[90, NAN, 10]] * 3)
    assert compare({'a': _array([[1, 1, NAN]] * 3)}, frame, EvaluateConfig(), garg=False) is None


def test_predictions_are_scaled_before_they_are_capped():
    frame = _frame([[5, 10, 60]] * 3)
    config = EvaluateConfig(median_scaling=True)
    score = compare({'a': _array([[1, 2, INF]] * 3)}, frame, config, garg=False).scores['a']
    assert score.scale == 5
    # Beyond range counts as the cap, which scaling takes beyond it: 80 again.
    assert score.metrics.abs_rel == pytest.approx((0 + 0 + 20 / 60) / 3)


@settings(max_examples=25)
@given(
    arrays(np.float32, (3, 3), elements=st.floats(0.5, 200, width=32)), st.sampled_from([3, 100])
)
@example(_array([[10, 20, 30], [30, 40, 50], [60, 70, 79]]), 100)
def test_median_scaling_undoes_any_scale_of_the_prediction(predicted_m, factor):
    frame = _frame([[5, 10, 60], [7, 20, 70], [1, 30, 79]])
    config = EvaluateConfig(median_scaling=True)
    predictions = {'metric': predicted_m, 'scaled': predicted_m * np.float32(factor)}
    scores = compare(predictions, frame, config, garg=False).scores
    assert scores['scaled'].scale == pytest.approx(scores['metric'].scale / factor)
    assert scores['scaled'].metrics[:4] == pytest.approx(scores['metric'].metrics[:4], rel=1e-4)


def test_what_is_mostly_beyond_range_cannot_be_scaled():
    frame = _frame([[5, 10, 60]] * 3)
    config = EvaluateConfig(median_scaling=True)
    score = compare({'a': _array([[5, INF, INF]] * 3)}, frame, config, garg=False).scores['a']
    assert score.scale == 1
    assert score.metrics.abs_rel == pytest.approx((0 + 70 / 10 + 20 / 60) / 3)


def test_a_disparity_benchmark_is_scaled_in_its_own_metres():
    rig, nominal = StereoCalibration(CAMERA, 0.4), StereoCalibration(CAMERA, 0.5)
    frame = _frame([[4, 6, 9]] * 3, DisparityGroundTruth(rig, nominal))
    config = EvaluateConfig(median_scaling=True)
    comparison = compare({'a': _array([[1, 2, 3]] * 3)}, frame, config, garg=False)
    # 2 m of the rig are 2.5 nominal ones, and have to become 6.
    assert comparison.scores['a'].scale == pytest.approx(6 / 2.5)
    np.testing.assert_allclose(comparison.depths_m['a'], [[3, 6, 9]] * 3, rtol=1e-6)


def test_disparities_by_hand():
    """A disparity benchmark in metres of a nominal baseline, taken with another one."""
    rig, nominal = StereoCalibration(CAMERA, 0.4), StereoCalibration(CAMERA, 0.5)
    # 100 px * 0.5 m over 10, 20 and 50 px; the last one is nearer than min_m and counts, too.
    frame = _frame([[5, 2.5, 1]] * 3, DisparityGroundTruth(rig, nominal))
    # In metres of the rig, 4 m are 10 px, 2.5 m are 16 px and beyond range 0 px.
    predicted_m = _array([[4, 2.5, INF]] * 3)
    config = EvaluateConfig(min_m=2)
    score = compare({'a': predicted_m}, frame, config, garg=False).scores['a']
    assert score.d1_all == pytest.approx(100 * 2 / 3)
    # 50 / 10, 50 / 16 and the cap, against 5, 2.5 and 1 m.
    assert score.metrics.abs_rel == pytest.approx((0 + 0.625 / 2.5 + 79) / 3)


def test_counts_by_distance_and_by_size():
    counts = ErrorCounts(cap_m=8)
    true_m = np.array([0.1, 1, 1, 1.2, 7.9])
    counts.add(true_m * [1, 1.5, 0.5, 1, 3], true_m)
    bins = counts.by_distance()
    assert [(b.from_m, b.pixels) for b in bins] == [
        (0, 1),
        (pytest.approx(1), 3),
        (pytest.approx(4 * np.sqrt(2)), 1),
    ]
    assert bins[1].abs_rel == pytest.approx(1 / 3)
    assert bins[1].bias == pytest.approx(0, abs=1e-12)
    assert bins[2].bias == pytest.approx(2)
    assert bins[2].to_m == pytest.approx(8)
    cumulative = counts.cumulative()
    # Below 1 %: two of five; below 52 %: four; the last one is off by 200 %.
    assert (cumulative[0], cumulative[51], cumulative[99]) == pytest.approx((0.4, 0.8, 0.8))
