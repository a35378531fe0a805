"""Organised clouds."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from bench.cameras import six_cameras
from monodepth_ros.core.camera import Camera, Intrinsics
from monodepth_ros.core.distortion import raw_from_rectified
from monodepth_ros.core.flying_pixels import FlyingPixels
from monodepth_ros.core.pointcloud import clearing_depth, CloudPacker
from test.helpers import scene

CAMERA = Intrinsics(fx=100, fy=50, cx=2, cy=1, width=5, height=3)
TRAINED = Intrinsics(fx=400, fy=400, cx=319.5, cy=239.5, width=640, height=480)
CAMERAS = {
    'trained': TRAINED,
    **{name: camera.rectified for name, camera in six_cameras(TRAINED).items()},
}


def _pack(depth_m, color=None, **options):
    return CloudPacker(CAMERA, **options).pack(depth_m, color)


def _there(depth_m, **options) -> list[bool]:
    """Of the first row: whether a pixel becomes a point."""
    image = np.ones((3, 5), np.float32)
    image[0, : len(depth_m)] = depth_m
    points = _pack(image, **options).points[0, : len(depth_m)]
    there = np.isfinite(points)
    assert (there == there[:, :1]).all(), 'all of x, y, z or none'
    return there[:, 0].tolist()


def test_a_pixel_right_of_the_centre_lies_to_the_right():
    points = _pack(np.full((3, 5), 10, np.float32)).points
    # u = 4 is 2 px right of cx: x = 2 / 100 * 10 m; v = 2 is 1 px below cy: y = 1 / 50 * 10 m.
    np.testing.assert_allclose(points[2, 4], [0.2, 0.2, 10.0], rtol=1e-6)
    np.testing.assert_allclose(points[1, 2], [0, 0, 10])


def test_points_in_the_frame_of_a_raw_camera_project_onto_its_raw_pixels():
    """With R, D and K, as TF and the driver know the camera; every fifth pixel is compared."""
    turn = cv2.Rodrigues(np.array([0.02, -0.03, 0.01]))[0]
    k = (400.0, 0, 310.0, 0, 402.0, 236.0, 0, 0, 1.0)
    p = (380.0, 0, 318.0, 0, 0, 380.0, 240.0, 0, 0, 0, 1.0, 0)
    d = (-0.3, 0.1, 0.001, -0.002, -0.02)
    raw = Camera(640, 480, k, d=d, r=tuple(turn.ravel().tolist()), p=p)
    packer = CloudPacker(raw.rectified, frame_from_camera=raw.rectified_from_frame.T)
    v, u = np.indices((480, 640))
    depth_m = (5 + 0.02 * u + 0.03 * v).astype(np.float32)
    points = packer.pack(depth_m, None).points[::5, ::5].reshape(-1, 1, 3).astype(np.float64)
    zeros = np.zeros(3)
    there, _ = cv2.projectPoints(points, zeros, zeros, np.reshape(k, (3, 3)), np.array(d))
    raw_u, raw_v = raw_from_rectified(raw, raw.rectified)
    expected = np.stack([raw_u, raw_v], axis=-1)[::5, ::5].reshape(-1, 1, 2)
    np.testing.assert_allclose(there, expected, atol=0.01)
    # Their depth along the rectified axis is what was given.
    along = points @ raw.rectified_from_frame[2]
    np.testing.assert_allclose(along.ravel(), depth_m[::5, ::5].ravel(), rtol=1e-5)


def test_colour_is_packed_as_blue_green_red_zero():
    color = np.zeros((3, 5, 3), np.uint8)
    color[1, 2] = [10, 20, 30]
    cloud = _pack(np.ones((3, 5), np.float32), color)
    assert cloud.fields == ('x', 'y', 'z', 'rgb')
    assert cloud.points[1, 2, 3].tobytes() == bytes([30, 20, 10, 0])
    assert cloud.points[1, 1, 3].tobytes() == bytes(4)


def test_grey_is_an_intensity_from_0_to_255():
    grey = np.zeros((3, 5), np.uint8)
    grey[1, 2], grey[2, 4] = 7, 255
    cloud = _pack(np.full((3, 5), 2, np.float32), grey)
    assert cloud.fields == ('x', 'y', 'z', 'intensity')
    assert cloud.points[1, 2].tolist() == [0, 0, 2, 7]
    assert cloud.points[2, 4, 3] == 255


def test_without_colours_a_point_is_twelve_bytes():
    cloud = _pack(np.ones((3, 5), np.float32))
    assert cloud.fields == ('x', 'y', 'z')
    assert len(cloud.points.tobytes()) == cloud.points.nbytes == 3 * 5 * 12
    assert cloud.points.flags.c_contiguous


def test_invalid_and_infinite_depth_have_no_point():
    assert _there([1, np.nan, np.inf, -np.inf]) == [True, False, False, False]
    assert _there([0, -1, 1e-3]) == [False, False, True]


def test_a_pixel_without_a_point_keeps_its_colour():
    points = _pack(np.full((3, 5), np.nan, np.float32), np.full((3, 5), 9, np.uint8)).points
    assert np.isnan(points[..., :3]).all()
    assert (points[..., 3] == 9).all()


def test_both_ends_of_the_range_belong_to_it():
    near_m, far_m = np.float32(0.1), np.float32(0.3)
    below, above = np.nextafter(near_m, np.float32(0)), np.nextafter(far_m, np.float32(1))
    there = _there([below, near_m, far_m, above], min_depth_m=0.1, max_depth_m=0.3)
    assert there == [False, True, True, False]


def test_stride_keeps_every_second_pixel_where_it_was():
    depth_m = np.arange(1, 16, dtype=np.float32).reshape(3, 5)
    for color in (None, np.uint8(depth_m), np.uint8(np.dstack([depth_m] * 3))):
        every, second = _pack(depth_m, color), _pack(depth_m, color, stride=2)
        assert second.fields == every.fields
        assert second.points.flags.c_contiguous
        np.testing.assert_array_equal(second.points, every.points[::2, ::2])


def test_a_stride_longer_than_the_image_leaves_one_point():
    assert _pack(np.ones((3, 5), np.float32), stride=6).points.shape == (1, 1, 3)


def test_clouds_of_one_kind_share_a_buffer():
    packer = CloudPacker(CAMERA)
    first = packer.pack(np.ones((3, 5), np.float32), None).points
    second = packer.pack(np.full((3, 5), 2, np.float32), None).points
    assert second is first
    assert first[0, 0, 2] == 2
    assert packer.pack(np.ones((3, 5), np.float32), np.ones((3, 5), np.uint8)).points is not first


def test_arrays_are_only_read():
    depth_m, color = np.full((3, 5), np.nan, np.float32), np.ones((3, 5, 3), np.uint8)
    flying = np.zeros((3, 5), np.bool_)
    for array in (depth_m, color, flying):
        array.flags.writeable = False
    CloudPacker(CAMERA).pack(depth_m, color, flying)


def test_what_flies_is_left_out():
    flying = np.zeros((3, 5), np.bool_)
    flying[2, 4] = flying[1, 1] = True
    points = CloudPacker(CAMERA, stride=2).pack(np.ones((3, 5), np.float32), None, flying).points
    assert np.isnan(points[1, 2]).all()
    assert np.isfinite(points).sum() == 3 * (2 * 3 - 1)


@pytest.mark.parametrize('stride', [1, 2, 3])
@pytest.mark.parametrize('name', CAMERAS)
def test_flying_points_go_and_good_ones_stay(name, stride):
    """A point flies whose distance to the nearest of the room's surfaces is 5 % of its depth."""
    camera = CAMERAS[name]
    depth_m = _blurred(camera)
    # Found before the stride: in every stride-th pixel, edges are narrower than they were made.
    found = FlyingPixels(depth_m.shape).find(depth_m)
    points, left = (
        CloudPacker(camera, stride=stride).pack(depth_m, None, flying).points
        for flying in (None, found)
    )
    flies = _to_surface(points.astype(np.float64)) > 0.05 * points[..., 2]
    gone = np.isnan(left[..., 2])
    assert flies.sum() >= 40
    assert gone[flies].mean() >= 0.9
    assert gone[~flies].mean() <= 0.03


@pytest.mark.parametrize('shape', [(3, 4), (1, 5), (5, 3)])
def test_arrays_of_another_size_are_refused(shape):
    with pytest.raises(ValueError, match='got depth of shape'):
        _pack(np.ones(shape, np.float32))
    with pytest.raises(ValueError, match='got colours of shape'):
        _pack(np.ones((3, 5), np.float32), np.ones((*shape, 3), np.uint8))


def test_a_range_or_a_stride_that_leaves_nothing_is_refused():
    with pytest.raises(ValueError, match='stride 0'):
        CloudPacker(CAMERA, stride=0)
    for near_m, far_m in ((2, 1), (1, 1), (-1, 1), (float('nan'), 1)):
        with pytest.raises(ValueError, match='near < far'):
            CloudPacker(CAMERA, min_depth_m=near_m, max_depth_m=far_m)


def _blurred(camera: Intrinsics) -> np.ndarray:
    """Depth of the room as a network sees it: its disparity is the mean of 5 x 5 pixels."""
    disparity = np.pad(1 / scene.true_depth(camera), 2, mode='edge')
    windows = np.lib.stride_tricks.sliding_window_view(disparity, (5, 5))
    return (1 / windows.mean(axis=(2, 3))).astype(np.float32)


def _to_surface(points: np.ndarray) -> np.ndarray:
    """(..., 3) points of the room to their distance, in metres, from its nearest surface."""
    x, y, z = np.moveaxis(points, -1, 0)
    distances_m = [
        *(np.abs(x - wall) for wall in (scene.LEFT_X_M, scene.RIGHT_X_M)),
        *(np.abs(y - level) for level in (scene.FLOOR_Y_M, scene.CEILING_Y_M)),
        np.abs(z - scene.FAR_M),
    ]
    for board_z, left, right, top, bottom in scene.BOARDS:
        nearest = np.stack([x.clip(left, right), y.clip(top, bottom), np.full_like(z, board_z)])
        distances_m.append(np.linalg.norm(nearest - (x, y, z), axis=0))
    return np.minimum.reduce(distances_m)


def test_what_is_confidently_far_ends_at_the_range_and_what_is_doubtful_is_none():
    depth_m = np.array([[2, 8, np.inf, 8, np.inf, np.nan, 2]], np.float32)
    confidence = np.array([[0.5, 0.9, 0.5, 0.4, 0.0, 0.9, 0.1]], np.float32)
    got = clearing_depth(depth_m, confidence, range_m=5.0, min_confidence=0.5)
    assert got.dtype == np.float32
    np.testing.assert_array_equal(got, [[2, 5, 5, np.nan, np.nan, np.nan, np.nan]])
