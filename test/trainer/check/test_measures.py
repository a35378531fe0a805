"""The measures of a check, on points whose geometry is known."""

from __future__ import annotations

import numpy as np
import pytest

from trainer.check.matching import detect, match, match_views, ViewMatches
from trainer.check.measures import (
    behind_and_ahead_fractions,
    broken_fraction,
    cell_offsets_px,
    fit_vertical,
    implied_baseline_m,
    incoherence_px,
    largest_deviation_px,
    late_frames,
)

SIZE = {'width': 1000, 'height': 400}
CENTRE = np.array([499.5, 199.5])
NAN = np.nan


def _points(count=400, seed=0):
    return np.random.default_rng(seed).uniform((0, 0), (999, 399), (count, 2))


def _matches(left_px, *, disparity_px=10.0, vertical_px=0.0, motion_px=NAN):
    """Matches of points whose right view is sideways and below by what is given."""
    count = len(left_px)
    move = np.column_stack([np.full(count, -disparity_px), np.broadcast_to(vertical_px, count)])
    motion = np.column_stack([np.zeros(count), np.broadcast_to(motion_px, count)])
    return ViewMatches(left_px, left_px + move, motion)


def _ahead(left_px, seed=1):
    """Vertical motion of a drive straight ahead past points of any distance."""
    near = np.random.default_rng(seed).uniform(0.01, 0.3, len(left_px))
    return (left_px - CENTRE)[:, 1] * near


def test_disparity_and_vertical_error_by_their_definition():
    matches = ViewMatches(np.array([[7.0, 3.0]]), np.array([[5.0, 4.0]]), np.full((1, 2), NAN))
    assert matches.disparity_px == [2]
    assert matches.vertical_px == [1]


def test_roll_scale_and_offset_are_told_apart():
    left_px = _points()
    u, v = (left_px - CENTRE).T
    matches = _matches(left_px, vertical_px=2 + 0.01 * u + 0.02 * v)
    fit = fit_vertical([matches], **SIZE)
    assert fit == pytest.approx((2, 0.01, 0.02), abs=1e-6)
    assert incoherence_px([matches], **SIZE) == pytest.approx(0, abs=1e-6)


def test_a_third_of_wrong_matches_changes_little():
    left_px = _points(600)
    vertical_px = np.where(np.arange(600) % 3 == 0, 80.0, 2.0)
    assert fit_vertical(
        [_matches(left_px, vertical_px=vertical_px)], **SIZE
    ).offset_px == pytest.approx(2, abs=0.05)


def test_matches_at_random_are_incoherent():
    matches = ViewMatches(_points(seed=1), _points(seed=2), np.full((400, 2), NAN))
    assert incoherence_px([matches], **SIZE) > 0.1 * SIZE['height']


@pytest.mark.parametrize('late', [-1.0, 0.0, 0.5, 2.0])
def test_late_frames_are_the_fraction_of_motion_in_the_vertical_error(late):
    pairs = []
    for seed in range(3):
        left_px = _points(seed=seed)
        motion_px = _ahead(left_px, seed=10 + seed)
        pairs.append(_matches(left_px, vertical_px=late * motion_px, motion_px=motion_px))
    assert late_frames(pairs, **SIZE) == pytest.approx([late] * 3, abs=1e-3)


def test_a_misaligned_rig_with_a_lens_is_not_late():
    left_px = _points()
    motion_px = _ahead(left_px)
    u, v = (left_px - CENTRE).T / SIZE['width']
    lens_px = 3 + 5 * u - 40 * v * (u**2 + v**2)
    matches = _matches(left_px, vertical_px=lens_px, motion_px=motion_px)
    assert late_frames([matches] * 2, **SIZE) == pytest.approx([0, 0], abs=1e-3)


def test_a_turning_or_standing_camera_tells_nothing_about_late_frames():
    left_px = _points()
    u, _ = (left_px - CENTRE).T
    for motion_px in (np.zeros(len(left_px)), 20 + 0.02 * u, np.full(len(left_px), NAN)):
        assert late_frames([_matches(left_px, motion_px=motion_px)], **SIZE) == [None]
    assert late_frames([_matches(left_px[:0])], **SIZE) == [None]


def test_cells_show_where_a_rig_is_misaligned():
    left_px = _points(4000)
    matches = _matches(left_px, vertical_px=np.where(left_px[:, 0] < 250, 3.0, 1.0))
    offsets_px = cell_offsets_px([matches], **SIZE)
    np.testing.assert_array_equal(offsets_px, [[3, 1, 1, 1]] * 3)
    assert largest_deviation_px(offsets_px, 1.0) == 2
    lone = np.concatenate([left_px[left_px[:, 1] > 200], left_px[left_px[:, 1] < 100][:16]])
    assert np.isnan(cell_offsets_px([_matches(lone)], **SIZE)[0]).all()
    few = cell_offsets_px([_matches(left_px[:20])], **SIZE)
    assert np.isnan(few).all()
    assert largest_deviation_px(few, 0.0) == 0


def test_points_behind_and_before_infinity():
    assert behind_and_ahead_fractions(np.array([-5.0, -0.5, 8.0, 9.0])) == (0.25, 0.5)


def test_a_broken_match_is_off_vertically_or_of_an_impossible_disparity():
    matches = ViewMatches(
        np.array([[50.0, 5], [50, 5], [50, 5], [50, 5]]),
        np.array([[40.0, 5], [60, 5], [10, 5], [40, 9]]),
        np.full((4, 2), NAN),
    )
    assert broken_fraction(matches, tolerance_px=1.5, max_disparity_px=30) == 0.75


def test_the_baseline_that_a_truth_implies():
    # f = 100 px, B = 0.5 m: d = 10 px is 5 m.
    disparity_px = np.full((20, 20), 10.0)
    assert implied_baseline_m(disparity_px, np.full((20, 20), 5.0), focal_px=100) == 0.5
    assert implied_baseline_m(disparity_px, np.full((20, 20), NAN), focal_px=100) is None


def test_features_are_matched_in_any_direction():
    rng = np.random.default_rng(0)
    image = np.kron(rng.integers(0, 256, (30, 40)), np.ones((8, 8))).astype(np.uint8)
    left, right = image[:200, 20:], image[12:212, :300]
    matches = match_views(detect(left), detect(right), detect(left))
    assert len(matches.left_px) > 50
    # The right view shows the same 20 px farther right, and 12 px higher.
    assert np.median(matches.disparity_px) == pytest.approx(-20, abs=0.2)
    assert np.median(matches.vertical_px) == pytest.approx(-12, abs=0.2)
    assert np.nanmedian(np.abs(matches.motion_px)) == pytest.approx(0, abs=0.05)


def test_an_image_of_one_colour_has_nothing_to_match():
    nothing = detect(np.full((40, 60), 7, np.uint8))
    assert len(nothing.at_px) == 0
    assert [len(found) for found in match(nothing, nothing)] == [0, 0]
