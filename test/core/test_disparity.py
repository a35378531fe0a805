"""Z = f * B / d."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
import numpy as np

from monodepth_ros.core.disparity import depth_from_disparity, disparity_from_depth


def test_100_px_half_a_metre_and_10_px_are_5_metres():
    depth_m = depth_from_disparity(np.full((1, 1), 10, np.float32), focal_px=100, baseline_m=0.5)
    assert depth_m.tolist() == [[5.0]]
    assert depth_m.dtype == np.float32


def test_what_is_not_a_positive_number_is_invalid():
    disparity_px = np.array([0, -1, np.nan, np.inf], np.float32)
    assert np.isnan(depth_from_disparity(disparity_px, focal_px=100, baseline_m=0.5)).all()


def test_beyond_the_range_is_infinite():
    disparity_px = np.array([1.0, 0.5, 0.499], np.float32)
    depth_m = depth_from_disparity(disparity_px, focal_px=100, baseline_m=0.5, max_depth_m=100.0)
    assert depth_m.tolist() == [50.0, 100.0, np.inf]


def test_hardly_any_disparity_is_infinitely_far():
    # 50 px m / 1e-38 px is beyond float32, and no reason for a warning.
    disparity_px = np.full((1, 1), 1e-38, np.float32)
    depth_m = depth_from_disparity(disparity_px, focal_px=100, baseline_m=0.5)
    assert depth_m.tolist() == [[np.inf]]


def test_the_result_is_written_where_it_is_asked_for():
    out = np.empty((1, 2), np.float32)
    disparity_px = np.array([[10, -1]], np.float32)
    assert depth_from_disparity(disparity_px, focal_px=100, baseline_m=0.5, out=out) is out
    np.testing.assert_array_equal(out, np.array([[5, np.nan]], np.float32))


def test_infinity_has_no_disparity_and_negative_depth_is_invalid():
    depth_m = np.array([5.0, np.inf, -1.0, np.nan], np.float32)
    disparity_px = disparity_from_depth(depth_m, focal_px=100, baseline_m=0.5)
    np.testing.assert_array_equal(disparity_px, np.array([10, 0, np.nan, np.nan], np.float32))


@given(
    depth_m=st.floats(0.015625, 8192, width=32),
    focal_px=st.floats(10, 5000),
    baseline_m=st.floats(0.01, 2),
)
def test_the_two_are_inverses(depth_m, focal_px, baseline_m):
    rig = {'focal_px': focal_px, 'baseline_m': baseline_m}
    there = disparity_from_depth(np.array([depth_m], np.float32), **rig)
    np.testing.assert_allclose(depth_from_disparity(there, **rig), depth_m, rtol=1e-5)
