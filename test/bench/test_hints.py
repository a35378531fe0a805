"""The benchmark of stereo hints: what it counts."""

from __future__ import annotations

import numpy as np
import pytest

from bench.hints import BOTH, qualities, Quality, quality, rows, targets
from monodepth_ros.storage.pair_folder import PairFolder, PairFolderWriter
from test.helpers.stereo_folders import BASELINE_M, RIG, SHIFT_PX, write_pairs


def test_a_bin_counts_its_pixels_alone():
    # Between 4 and 8 m: one is right, one is 20 % off, one has no hint.
    depth_m = np.array([4.2, 6.0, np.nan, 1.0, 80.0])
    true_m = np.array([4.0, 5.0, 7.9, 3.9, 8.0])
    assert quality(depth_m, true_m, 4, 8) == pytest.approx((2 / 3, 1 / 2))


def test_targets_compare_both_with_the_better_and_the_worse_one():
    single = [Quality(0, 0), Quality(0.5, 0.04)], [Quality(1, 1), Quality(0.4, 0.08)]
    found = {'a': single[0], 'b': single[1], BOTH: [Quality(0, 0), Quality(0.6, 0.1)]}
    coverage, off = targets(found)
    assert (coverage.measured, coverage.ok) == (pytest.approx(1.2), True)
    assert (off.measured, off.ok) == (pytest.approx(1.25), True)


def test_every_matching_finds_the_known_disparity(tmp_path):
    """Planes at 7.5 m: all that is known is right."""
    pairs = PairFolder(write_pairs(tmp_path / 'pairs', 3))
    true_m = np.full((RIG.height, RIG.width), RIG.fx * BASELINE_M / SHIFT_PX, np.float32)
    for name in pairs.names:
        PairFolderWriter(pairs.path, pairs.calibration).add_gt_depth(name, true_m)
    names = []
    for name, disparity_of in rows():
        names.append(name)
        found = qualities(pairs, disparity_of)[2]
        assert found.coverage > 0.5
        assert found.off < 0.1
    assert names == ['windows of 5 px', 'windows of 3 px', BOTH]
