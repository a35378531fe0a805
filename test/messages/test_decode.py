"""Messages to core types."""

from __future__ import annotations

import struct
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from monodepth_ros.core.bit_depth import BitDepth
from monodepth_ros.core.camera import Intrinsics
from monodepth_ros.messages import decode
from monodepth_ros.storage.bag import TYPES

HEADER = TYPES.types['std_msgs/msg/Header'](
    TYPES.types['builtin_interfaces/msg/Time'](3, 7), 'camera_optical_frame'
)


def _info(**changes):
    window = changes.pop('roi', {})
    roi = {'x_offset': 0, 'y_offset': 0, 'height': 0, 'width': 0} | window
    k = np.array([100, 0, 319.5, 0, 100, 239.5, 0, 0, 1.0])
    p = np.array([90, 0, 319.5, -45, 0, 90, 239.5, 0, 0, 0, 1, 0.0])
    values = {
        'width': 640, 'height': 480, 'distortion_model': 'plumb_bob', 'k': k, 'p': p,
        'd': np.zeros(5), 'r': np.eye(3).ravel(), 'binning_x': 0, 'binning_y': 0,
    }  # fmt: skip
    return SimpleNamespace(**values | changes, roi=SimpleNamespace(**roi))


def test_a_stamp_in_nanoseconds():
    assert decode.stamp_ns(HEADER) == 3_000_000_007


def test_camera_of_a_camera_info():
    camera = decode.camera_from_info(_info(), rectified=False)
    assert camera.rectified == Intrinsics(90, 90, 319.5, 239.5, 640, 480)
    assert camera.offset_m == 0.5


def test_binning_halves_the_image_and_keeps_the_baseline():
    camera = decode.camera_from_info(_info(binning_x=2, binning_y=2), rectified=False)
    # The image's centre stays its centre: (320 - 1) / 2 = 159.5.
    assert camera.rectified == Intrinsics(45, 45, 159.5, 119.5, 320, 240)
    assert camera.offset_m == 0.5


def test_a_region_of_interest_moves_the_principal_point():
    roi = {'x_offset': 100, 'y_offset': 40, 'width': 400, 'height': 300}
    camera = decode.camera_from_info(_info(roi=roi), rectified=False)
    assert camera.rectified == Intrinsics(90, 90, 219.5, 199.5, 400, 300)
    assert camera.k[:3] == (100, 0, 219.5)


def test_an_uncalibrated_camera_info_is_refused():
    with pytest.raises(ValueError, match=r'K\[0\] = 0'):
        decode.camera_from_info(_info(k=np.zeros(9)), rectified=False)


def test_depth_in_millimetres_big_endian_and_padded():
    data = bytes([0x03, 0xE8, 0x00, 0x00, 0xFF, 0xFF])  # 1000 mm, none, padding
    image = SimpleNamespace(encoding='16UC1', is_bigendian=1, height=1, width=2, step=6, data=data)
    np.testing.assert_array_equal(decode.depth_m_from_image(image), [[1, np.nan]])
    image.encoding = 'mono16'
    with pytest.raises(ValueError, match=r"got depth encoding 'mono16', expected .*16UC1"):
        decode.depth_m_from_image(image)


def test_depth_of_the_compressed_transport_is_inverse_where_it_was_float():
    # depth = A / (pixel - B), with A and B in the header of 12 bytes.
    pixels = np.array([[0, 110, 60]], np.uint16)
    header = struct.pack('<iff', 0, 300.0, 10.0)
    data = header + cv2.imencode('.png', pixels)[1].tobytes()
    float_depth = SimpleNamespace(format='32FC1; compressedDepth png', data=data)
    np.testing.assert_allclose(decode.depth_m_from_image(float_depth), [[np.nan, 3, 6]])
    whole = SimpleNamespace(format='16UC1; compressedDepth png', data=data)
    np.testing.assert_allclose(decode.depth_m_from_image(whole), [[np.nan, 0.11, 0.06]])
    assert decode.is_depth(whole, '/a/depth')


def test_each_axis_is_binned_by_itself_and_an_odd_line_is_dropped():
    info = _info(binning_x=2, binning_y=3, roi={'width': 401, 'height': 302})
    assert decode.size_of_images(info) == (200, 100)
    camera = decode.camera_from_info(info, rectified=False)
    # (319.5 + 0.5) / 2 - 0.5, (239.5 + 0.5) / 3 - 0.5.
    assert camera.rectified == Intrinsics(45, 30, 159.5, 79.5, 200, 100)


@pytest.mark.parametrize(
    ('encoding', 'expected'), [('32FC1', True), ('16UC1', True), ('mono16', False)]
)
def test_an_image_of_a_depth_encoding_is_depth_whatever_its_topic(encoding, expected):
    assert decode.is_depth(SimpleNamespace(encoding=encoding), '/a/topic') == expected


def test_a_grey_image_has_three_channels_only_where_colour_is_asked_for():
    grey = np.arange(6, dtype=np.uint8).reshape(2, 3)
    data = cv2.imencode('.png', grey)[1].tobytes()
    raw = SimpleNamespace(
        encoding='mono8', is_bigendian=0, height=2, width=3, step=3, data=grey.tobytes()
    )
    for msg in (raw, SimpleNamespace(format='mono8; png compressed', data=data)):
        np.testing.assert_array_equal(decode.image_pixels(msg, BitDepth()), grey)
        np.testing.assert_array_equal(decode.image_rgb(msg, BitDepth()), np.dstack([grey] * 3))


@pytest.mark.parametrize(
    ('dtype', 'topic', 'expected'),
    [
        (np.uint16, '/a/depth', True),
        (np.uint16, '/thermal/image', False),
        (np.uint8, '/a/depth', False),
    ],
)
def test_a_png_is_depth_where_it_has_16_bits_and_the_name(dtype, topic, expected):
    data = cv2.imencode('.png', np.ones((2, 3), dtype))[1].tobytes()
    assert decode.is_depth(SimpleNamespace(format='png', data=data), topic) == expected


def test_depth_rows_are_as_long_as_their_pixels_at_least():
    image = SimpleNamespace(
        encoding='32FC1', is_bigendian=0, height=1, width=3, step=11, data=bytes(11)
    )
    with pytest.raises(ValueError, match='got step 11 for 3 pixels of 4 bytes'):
        decode.depth_m_from_image(image)


def test_what_opencv_does_not_decode_is_a_fault_of_the_image():
    tiff = cv2.imencode('.tiff', np.ones((8, 8), np.float32))[1].tobytes()
    mosaic = SimpleNamespace(format='bayer_rggb8; tiff compressed', data=tiff)
    with pytest.raises(ValueError, match='OpenCV cannot decode the image: OpenCV') as raised:
        decode.image_rgb(mosaic, BitDepth())
    assert raised.value.__cause__ is None
