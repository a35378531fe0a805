"""Organised clouds."""

from __future__ import annotations

import numpy as np

from monodepth_ros.core.camera import Intrinsics
from monodepth_ros.core.pointcloud import CloudPacker

CAMERA = Intrinsics(fx=100, fy=50, cx=2, cy=1, width=5, height=3)


def _pack(depth_m, *, stride=1):
    color = np.zeros((3, 5, 3), np.uint8)
    color[..., :] = [10, 20, 30]
    return CloudPacker(CAMERA, stride=stride).pack(depth_m, color)


def test_a_pixel_right_of_the_centre_lies_to_the_right():
    points = _pack(np.full((3, 5), 10, np.float32))
    # u = 4 is 2 px right of cx: x = 2 / 100 * 10 m; v = 2 is 1 px below cy: y = 1 / 50 * 10 m.
    np.testing.assert_allclose(points[2, 4, :3], [0.2, 0.2, 10.0], rtol=1e-6)
    np.testing.assert_allclose(points[1, 2, :3], [0, 0, 10])


def test_colour_is_packed_as_blue_green_red_zero():
    points = _pack(np.ones((3, 5), np.float32))
    assert points[0, 0, 3].tobytes() == bytes([30, 20, 10, 0])


def test_invalid_and_infinite_depth_have_no_point():
    depth_m = np.ones((3, 5), np.float32)
    depth_m[0, 0], depth_m[1, 1] = np.nan, np.inf
    points = _pack(depth_m)
    assert np.isnan(points[[0, 1], [0, 1], :3]).all()
    assert np.isfinite(points[0, 1, :3]).all()


def test_stride_keeps_every_second_pixel_where_it_was():
    depth_m = np.arange(1, 16, dtype=np.float32).reshape(3, 5)
    every, second = _pack(depth_m).copy(), _pack(depth_m, stride=2)
    assert second.shape == (2, 3, 4)
    np.testing.assert_array_equal(second, every[::2, ::2])
