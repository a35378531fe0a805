"""Checked semi-global matching."""

from __future__ import annotations

import numpy as np

from trainer.datasets.stereo_matching import checked_disparity_px


def test_a_shifted_texture_has_its_shift_as_disparity():
    rng = np.random.default_rng(0)
    wide = rng.integers(0, 256, (60, 260, 3), np.uint8)
    disparity_px = checked_disparity_px(wide[:, :250], wide[:, 10:], max_disparity_px=32)
    known = np.isfinite(disparity_px)
    assert known[:, 10:].mean() > 0.9
    assert np.mean(np.abs(disparity_px[known] - 10) < 0.1) > 0.99


def test_what_only_the_left_view_sees_has_no_disparity():
    rng = np.random.default_rng(0)
    wide = rng.integers(0, 256, (60, 260, 3), np.uint8)
    disparity_px = checked_disparity_px(wide[:, :250], wide[:, 10:], max_disparity_px=32)
    assert np.isnan(disparity_px[:, :10]).all()
