"""Core types to messages: with the message classes of rosbags, and read back."""

from __future__ import annotations

import numpy as np
import pytest

from monodepth_ros.core.bit_depth import BitDepth
from monodepth_ros.core.camera import Intrinsics
from monodepth_ros.core.pointcloud import CloudPacker
from monodepth_ros.messages import decode, encode
from monodepth_ros.storage.bag import ROSBAGS_CLASSES
from test.helpers.recordings import header_of

HEADER = header_of(3_000_000_007)
CAMERA = Intrinsics(fx=100, fy=101, cx=1.5, cy=1.0, width=4, height=3)


def test_depth_in_metres_there_and_back():
    depth_m = np.arange(12, dtype=np.float32).reshape(3, 4)
    depth_m[0, 0] = np.nan
    msg = encode.depth_image(ROSBAGS_CLASSES, HEADER, depth_m, '32FC1')
    assert (msg.encoding, msg.step, msg.header) == ('32FC1', 16, HEADER)
    np.testing.assert_array_equal(decode.depth_m_from_image(msg), depth_m)


def test_depth_in_millimetres_is_rounded_and_zero_where_it_cannot_be():
    depth_m = np.array([[1.2346, 65.535, 65.536], [np.nan, np.inf, 0.0]], np.float32)
    msg = encode.depth_image(ROSBAGS_CLASSES, HEADER, depth_m, '16UC1')
    assert (msg.encoding, msg.step) == ('16UC1', 6)
    assert msg.data.view(np.uint16).tolist() == [1235, 65535, 0, 0, 0, 0]
    depth_mm = decode.depth_m_from_image(msg)
    np.testing.assert_allclose(depth_mm, [[1.235, 65.535, np.nan], [np.nan] * 3], rtol=1e-6)


def test_disparity_says_how_it_becomes_depth_and_where_it_is_valid():
    disparity_px = np.full((3, 4), np.nan, np.float32)
    disparity_px[1:, 1:3] = 20
    msg = encode.disparity_image(
        ROSBAGS_CLASSES, HEADER, disparity_px, focal_px=100, baseline_m=0.5, depth_range_m=(2, 50)
    )
    # DisparityImage.msg: Z = f T / d; 100 px * 0.5 m / 20 px = 2.5 m, and so on for the limits.
    assert msg.f * msg.t / 20 == 2.5
    assert (msg.min_disparity, msg.max_disparity) == (1, 25)
    window = msg.valid_window
    assert (window.x_offset, window.y_offset, window.width, window.height) == (1, 1, 2, 2)
    values = msg.image.data.view(np.float32).reshape(3, 4)
    np.testing.assert_array_equal(values[1:, 1:3], 20)
    # "Any disparity less than min_disparity is invalid."
    assert (values[0] < msg.min_disparity).all()


def test_disparity_without_a_valid_pixel_has_an_empty_window():
    nothing = np.full((3, 4), np.nan, np.float32)
    msg = encode.disparity_image(
        ROSBAGS_CLASSES, HEADER, nothing, focal_px=100, baseline_m=0.5, depth_range_m=(2, 50)
    )
    assert (msg.valid_window.width, msg.valid_window.height) == (0, 0)


@pytest.mark.parametrize(('shape', 'encoding'), [((3, 4, 3), 'rgb8'), ((3, 4), 'mono8')])
def test_colours_there_and_back(shape, encoding):
    pixels = np.arange(np.prod(shape), dtype=np.uint8).reshape(shape)
    msg = encode.color_image(ROSBAGS_CLASSES, HEADER, pixels)
    assert msg.encoding == encoding
    np.testing.assert_array_equal(decode.image_pixels(msg, BitDepth()), pixels)


def test_camera_info_says_that_the_image_is_rectified():
    info = encode.camera_info(ROSBAGS_CLASSES, HEADER, CAMERA)
    assert list(info.k) == [100, 0, 1.5, 0, 101, 1, 0, 0, 1]
    assert not any(info.d)
    assert decode.camera_from_info(info, rectified=False).rectified == CAMERA


@pytest.mark.parametrize(
    ('color', 'fields'),
    [
        (np.zeros((3, 4, 3), np.uint8), ['x', 'y', 'z', 'rgb']),
        (np.zeros((3, 4), np.uint8), ['x', 'y', 'z', 'intensity']),
        (None, ['x', 'y', 'z']),
    ],
)
def test_a_cloud_is_organised_like_the_image(color, fields):
    cloud = CloudPacker(CAMERA).pack(np.ones((3, 4), np.float32), color)
    msg = encode.point_cloud(ROSBAGS_CLASSES, HEADER, cloud)
    step = 4 * len(fields)
    assert (msg.height, msg.width, msg.point_step, msg.row_step) == (3, 4, step, 4 * step)
    assert [(f.name, f.offset) for f in msg.fields] == [(f, 4 * i) for i, f in enumerate(fields)]
    assert len(msg.data) == 3 * msg.row_step
    assert msg.is_dense is False


def test_sensor_msgs_py_reads_our_clouds():
    point_cloud2 = pytest.importorskip('sensor_msgs_py.point_cloud2')
    from std_msgs.msg import Header

    from monodepth_ros.ros import session

    depth_m = np.arange(1, 13, dtype=np.float32).reshape(3, 4)
    depth_m[0, 0] = np.nan
    color = np.arange(36, dtype=np.uint8).reshape(3, 4, 3)
    cloud = CloudPacker(CAMERA).pack(depth_m, color)
    msg = encode.point_cloud(session.ROSBAGS_CLASSES, Header(), cloud)
    # Not reshape_organized_cloud: it takes width for height (common_interfaces#236).
    points = point_cloud2.read_points(msg)
    for at, name in enumerate(cloud.fields):
        np.testing.assert_array_equal(points[name], cloud.points[..., at].ravel())


def test_millimetres_hold_what_is_above_0_and_at_most_65_metres():
    depth_m = np.array([[0.0004, 0.001, 0.5, 65.535, 70.0, 1e6, -0.5, -70.0]], np.float32)
    msg = encode.depth_image(ROSBAGS_CLASSES, HEADER, depth_m, '16UC1')
    assert msg.data.view(np.uint16).tolist() == [0, 1, 500, 65535, 0, 0, 0, 0]


def test_the_valid_window_reaches_from_the_first_to_the_last_valid_pixel():
    disparity_px = np.full((6, 9), np.nan, np.float32)
    disparity_px[1, 5] = disparity_px[3, 2] = 20
    msg = encode.disparity_image(
        ROSBAGS_CLASSES, HEADER, disparity_px, focal_px=100, baseline_m=0.5, depth_range_m=(2, 50)
    )
    window = msg.valid_window
    assert (window.x_offset, window.y_offset, window.width, window.height) == (2, 1, 4, 3)
    assert (msg.image.height, msg.image.width, msg.image.step) == (6, 9, 36)


def test_camera_info_is_of_the_whole_image_of_the_left_camera():
    info = encode.camera_info(ROSBAGS_CLASSES, HEADER, CAMERA)
    roi = info.roi
    assert (roi.x_offset, roi.y_offset, roi.width, roi.height, roi.do_rectify) == (
        0,
        0,
        0,
        0,
        False,
    )
    assert list(info.p) == [100, 0, 1.5, 0, 0, 101, 1, 0, 0, 0, 1, 0]
    assert list(info.r) == [1, 0, 0, 0, 1, 0, 0, 0, 1]
    assert (info.distortion_model, list(info.d)) == ('plumb_bob', [0] * 5)
