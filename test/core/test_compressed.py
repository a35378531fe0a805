"""Jpeg and png bytes to arrays."""

from __future__ import annotations

from array import array
import subprocess
import sys

import cv2
from hypothesis import given
from hypothesis import strategies as st
import numpy as np
import pytest

from monodepth_ros.core.compressed import decode_compressed, decode_png16, is_png16


def test_jpeg_and_png_decode_to_rgb():
    red = np.zeros((8, 8, 3), np.uint8)
    red[..., 2] = 200  # OpenCV writes BGR
    png = cv2.imencode('.png', red)[1].tobytes()
    assert decode_compressed(png)[0, 0].tolist() == [200, 0, 0]
    jpeg = cv2.imencode('.jpg', red)[1].tobytes()
    np.testing.assert_allclose(decode_compressed(jpeg)[0, 0], [200, 0, 0], atol=3)


def test_a_message_carries_its_bytes_as_an_array():
    """rosbags gives numpy, rclpy array('B'); neither compares with bytes as bytes do."""
    jpeg = cv2.imencode('.jpg', np.zeros((4, 6, 3), np.uint8))[1].ravel()
    for data in (jpeg, array('B', jpeg.tobytes())):
        assert decode_compressed(data).shape == (4, 6, 3)


JPEG = cv2.imencode('.jpg', np.tile(np.arange(32, dtype=np.uint8), (32, 1)))[1].tobytes()


@given(at=st.integers(0, len(JPEG) - 1), value=st.integers(0, 255), end=st.integers(0, len(JPEG)))
def test_damaged_jpegs_give_an_image_or_a_value_error(at, value, end):
    damaged = bytearray(JPEG)
    damaged[at] = value
    try:
        image = decode_compressed(bytes(damaged[:end]))
    except ValueError:
        return
    assert image.shape[2] == 3


@pytest.mark.parametrize('data', [b'', b'no image', b'\xff\xd8\xff\xe0 cut short'])
def test_bytes_that_are_no_image_are_refused(data):
    with pytest.raises(ValueError, match='no jpeg or png'):
        decode_compressed(data)


def test_a_png_of_16_bits_is_depth_behind_a_header_or_not():
    values = np.array([[0, 1], [256, 65535]], np.uint16)
    png = cv2.imencode('.png', values)[1].tobytes()
    for data in (png, bytes(12) + png):
        assert is_png16(data)
        np.testing.assert_array_equal(decode_png16(data), values)
    grey = cv2.imencode('.png', values.astype(np.uint8))[1].tobytes()
    huge = png[:16] + (10**5).to_bytes(4, 'big') * 2 + png[24:]
    for data in (b'', grey, png[:40], huge):
        with pytest.raises(ValueError, match='no grey png of 16 bits'):
            decode_png16(data)


def test_a_few_bytes_do_not_become_gigabytes(tmp_path):
    """In a process of its own: OpenCV takes its limit when it is imported."""
    code = (
        'import sys; from monodepth_ros.core.compressed import decode_compressed\n'
        'print(decode_compressed(open(sys.argv[1], "rb").read()).shape)\n'
    )
    for side, words in ((1000, '(1000, 1000, 3)'), (8200, 'no jpeg or png')):
        path = tmp_path / f'{side}.png'
        assert cv2.imwrite(str(path), np.zeros((side, side), np.uint8))
        result = subprocess.run(
            [sys.executable, '-c', code, path], capture_output=True, text=True, check=False
        )
        assert words in result.stdout + result.stderr
