"""Depth seen by another camera at the same place."""

from __future__ import annotations

import numpy as np

from monodepth_ros.core.camera import Intrinsics
from trainer.depth_map import DepthMap, resample

CAMERA = Intrinsics(fx=10, fy=10, cx=1.5, cy=0.5, width=4, height=2)


def test_resampling_looks_along_the_same_ray():
    source = DepthMap(np.arange(8, dtype=np.float32).reshape(2, 4), CAMERA)
    np.testing.assert_array_equal(resample(source, CAMERA), source.depth_m)
    shifted = resample(source, CAMERA.cropped(left=1, top=0, width=4, height=2))
    np.testing.assert_array_equal(shifted[:, :3], source.depth_m[:, 1:])
    assert np.isnan(shifted[:, 3]).all()
