"""The guess that never looks at the image."""

from __future__ import annotations

import numpy as np

from monodepth_ros.core.camera import Intrinsics
from trainer.datasets.depth_map import DepthMap
from trainer.evaluate.prior import cell_prior, median_depth

NAN = np.nan


def test_the_prior_is_the_median_of_its_cell():
    camera = Intrinsics(fx=10, fy=10, cx=9.5, cy=7.5, width=20, height=16)
    first = np.full((16, 20), 3, np.float32)
    second = np.full((16, 20), 5, np.float32)
    second[:, 16:] = NAN
    third = np.full((16, 20), 100, np.float32)  # out of range: not counted
    maps = [DepthMap(depth, camera) for depth in (first, second, second, third)]
    prior = cell_prior(maps)
    assert prior.depth_m.shape == (16, 20)
    assert set(np.unique(prior.depth_m[:, :16])) == {5}
    assert set(np.unique(prior.depth_m[:, 16:])) == {3}


def test_the_median_counts_depths_in_range_only():
    depths = np.array([[[2.0, np.inf]], [[4.0, 0.1]], [[9.0, np.inf]]])
    median = median_depth(depths)
    assert median[0, 0] == 4
    assert np.isnan(median[0, 1])
