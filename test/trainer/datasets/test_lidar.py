"""Scans to depth images."""

from __future__ import annotations

import math
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from monodepth_ros.core.camera import Intrinsics
from trainer.datasets.lidar import cloud_xyz, nearest_depth, project_points, StaticTransforms

CAMERA = Intrinsics(fx=100, fy=100, cx=20, cy=10, width=40, height=20)
# Velodyne x forward, y left, z up -> optical z forward, x right, y down.
OPTICAL_FROM_LIDAR = np.array([[0, -1, 0, 0], [0, 0, -1, 0], [1, 0, 0, 0], [0, 0, 0, 1.0]])


def _project(*points):
    return project_points(
        np.array(points, np.float32), rectified_from_cloud=OPTICAL_FROM_LIDAR, intrinsics=CAMERA
    )


def test_a_point_by_hand():
    # 10 m ahead, 1 m to the left, 0.5 m up: 10 px left of and 5 px above the centre.
    depth_m = _project([10, 1, 0.5])
    assert depth_m[5, 10] == 10
    assert np.isnan(depth_m).sum() == depth_m.size - 1


def test_the_nearest_point_wins_a_pixel():
    assert _project([10, 0, 0], [5, 0, 0], [20, 0, 0])[10, 20] == 5


def test_points_behind_or_beside_the_image_are_left_out():
    assert np.isnan(_project([-10, 1, 0.5], [10, 100, 0], [0.01, 0, 0])).all()


def _stamped(parent, child, *, translation=(0, 0, 0), quaternion=(0, 0, 0, 1)):
    t = SimpleNamespace(**dict(zip('xyz', translation, strict=True)))
    q = SimpleNamespace(**dict(zip('xyzw', quaternion, strict=True)))
    return SimpleNamespace(
        header=SimpleNamespace(frame_id=parent),
        child_frame_id=child,
        transform=SimpleNamespace(translation=t, rotation=q),
    )


def test_transforms_compose_through_a_common_root():
    quarter_turn = (0, 0, math.sqrt(0.5), math.sqrt(0.5))  # 90 degrees about z
    tree = StaticTransforms(
        [
            _stamped('base', 'camera', translation=(1, 0, 0)),
            _stamped('base', 'mast', translation=(0, 2, 0), quaternion=quarter_turn),
            _stamped('mast', 'lidar', translation=(3, 0, 0)),
        ]
    )
    camera_from_lidar = tree.between('camera', 'lidar')
    # The lidar is 3 m along the mast's x, which is base's y: (0, 5, 0) in base.
    np.testing.assert_allclose(camera_from_lidar @ [0, 0, 0, 1], [-1, 5, 0, 1], atol=1e-12)
    np.testing.assert_allclose(camera_from_lidar @ [1, 0, 0, 1], [-1, 6, 0, 1], atol=1e-12)
    assert tree.between('camera', 'elsewhere') is None


@pytest.mark.parametrize('axis', [(1, 0, 0), (0, 1, 0), (0, 0, 1), (2, -3, 6)])
@pytest.mark.parametrize('angle_deg', [90, -40])
def test_a_rotation_about_every_axis_is_opencvs(axis, angle_deg):
    unit, half_rad = np.array(axis) / np.linalg.norm(axis), math.radians(angle_deg) / 2
    # Not of unit length, as files of few digits have it.
    quaternion = 1.1 * np.array([*(math.sin(half_rad) * unit), math.cos(half_rad)])
    tree = StaticTransforms([_stamped('base', 'lidar', quaternion=quaternion)])
    expected, _ = cv2.Rodrigues(2 * half_rad * unit)
    np.testing.assert_allclose(tree.between('base', 'lidar')[:3, :3], expected, atol=1e-12)


def _cloud(fields, point_step, data):
    named = [SimpleNamespace(name=n, offset=o, datatype=7) for n, o in fields]
    return SimpleNamespace(
        fields=named, point_step=point_step, data=data, width=2, height=1, is_bigendian=False
    )


def test_fields_are_found_by_name_and_offset():
    data = np.array([[9, 3, 2, 1], [9, 6, 5, 4]], np.float32).view(np.uint8).ravel()
    cloud = _cloud([('intensity', 0), ('z', 4), ('y', 8), ('x', 12)], 16, data)
    assert cloud_xyz(cloud).tolist() == [[1, 2, 3], [4, 5, 6]]
    with pytest.raises(ValueError, match=r"lacks float32 fields \['z'\]"):
        cloud_xyz(_cloud([('x', 0), ('y', 4)], 8, data))


def test_a_cloud_of_more_points_than_bytes_is_refused():
    fields = [('x', 0), ('y', 4), ('z', 8)]
    with pytest.raises(ValueError, match='has 12 bytes, expected 2 points of 12'):
        cloud_xyz(_cloud(fields, 12, np.zeros(12, np.uint8)))


def test_a_circle_of_transforms_is_not_connected():
    tree = StaticTransforms([_stamped('a', 'b'), _stamped('b', 'a')])
    assert tree.between('a', 'b') is None


def test_big_endian_clouds_are_read_as_such():
    data = np.array([[1, 2, 3], [4, 5, 6]], '>f4').view(np.uint8).ravel()
    cloud = _cloud([('x', 0), ('y', 4), ('z', 8)], 12, data)
    cloud.is_bigendian = True
    assert cloud_xyz(cloud).tolist() == [[1, 2, 3], [4, 5, 6]]


def test_points_fall_on_the_pixel_whose_centre_is_nearest():
    camera = Intrinsics(fx=100, fy=50, cx=20, cy=10, width=40, height=20)
    # The camera is at (1, 2, 3): 10 m ahead of it, 0.16 m right and 0.32 m down, that is 1.6 px
    # right and 1.6 px down.
    depth_m = project_points(
        np.array([[1.16, 2.32, 13]]),
        rectified_from_cloud=np.array([[1, 0, 0, -1], [0, 1, 0, -2], [0, 0, 1, -3], [0, 0, 0, 1]]),
        intrinsics=camera,
    )
    assert depth_m.shape == (20, 40)
    assert np.argwhere(np.isfinite(depth_m)).tolist() == [[12, 22]]
    assert depth_m[12, 22] == 10


def test_the_outermost_pixels_are_part_of_the_image():
    u, v = np.meshgrid(np.arange(-1, 5), np.arange(-1, 4))
    image_m = nearest_depth(u.ravel(), v.ravel(), np.ones(u.size), width=4, height=3)
    np.testing.assert_array_equal(image_m, np.ones((3, 4)))
