"""Depth seen by another camera at the same place."""

from __future__ import annotations

import numpy as np

from monodepth_ros.core.camera import Intrinsics
from trainer.datasets.depth_map import DepthMap, resample

CAMERA = Intrinsics(fx=10, fy=10, cx=1.5, cy=0.5, width=4, height=2)


def test_resampling_looks_along_the_same_ray():
    source = DepthMap(np.arange(8, dtype=np.float32).reshape(2, 4), CAMERA)
    np.testing.assert_array_equal(resample(source, CAMERA), source.depth_m)
    shifted = resample(source, CAMERA.cropped(left=1, top=0, width=4, height=2))
    np.testing.assert_array_equal(shifted[:, :3], source.depth_m[:, 1:])
    assert np.isnan(shifted[:, 3]).all()


def test_the_nearest_pixel_is_looked_up():
    """Of two pixels in one, the one whose centre is nearer: neither always left nor right."""
    source = DepthMap(np.arange(8, dtype=np.float32).reshape(2, 4), CAMERA)
    # Columns 0.3, 1.3, 2.3 of the source and rows 0.4, 1.4; then columns from 0.7 and row 0.7.
    before = Intrinsics(fx=10, fy=10, cx=1.2, cy=0.1, width=3, height=2)
    behind = Intrinsics(fx=10, fy=10, cx=0.8, cy=-0.2, width=3, height=1)
    np.testing.assert_array_equal(resample(source, before), [[0, 1, 2], [4, 5, 6]])
    np.testing.assert_array_equal(resample(source, behind), [[5, 6, 7]])


def test_each_axis_is_resampled_by_its_own_numbers():
    """Half as many columns, a third of the rows; what the source does not see has no depth."""
    fine = Intrinsics(fx=20, fy=90, cx=3.5, cy=4.0, width=8, height=9)
    source = DepthMap(np.arange(72, dtype=np.float32).reshape(9, 8), fine)
    # Fine columns 0.75, 2.75, 4.75 and 6.75, and rows 1, 4 and 7.
    coarse = Intrinsics(fx=10, fy=30, cx=1.375, cy=1.0, width=4, height=3)
    columns, rows = np.array([1, 3, 5, 7]), np.array([1, 4, 7])
    inside = (8 * rows[:, None] + columns).astype(np.float32)
    np.testing.assert_array_equal(resample(source, coarse), inside)
    around = fine.cropped(left=-2, top=-2, width=12, height=13)
    expected = np.pad(source.depth_m, 2, constant_values=np.nan)
    np.testing.assert_array_equal(resample(source, around), expected)
