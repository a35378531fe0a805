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

from monodepth_ros.core import compressed
from monodepth_ros.core.bit_depth import BitDepth
from monodepth_ros.core.compressed import decode_png16, is_png16


def decode_compressed(data, **options):
    """Of a camera whose bit depth is that of this image."""
    return compressed.decode_compressed(data, **{'bit_depth': BitDepth(), **options})


def _encoded(kind, pixels):
    return cv2.imencode(kind, pixels)[1].tobytes()


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


MOSAIC = np.tile(np.array([[10, 100], [100, 200]], np.uint8), (4, 4))  # of red, green, blue


@pytest.mark.parametrize('kind', ['.png', '.tif'])
@pytest.mark.parametrize('bits', [8, 16])
def test_a_mosaic_has_the_colours_that_its_format_says(kind, bits):
    """What compressed_image_transport writes of bayer_rggb8, which no word follows."""
    codec = {'.png': 'png', '.tif': 'tiff'}[kind]
    data = _encoded(kind, MOSAIC.astype(f'u{bits // 8}') * (1 if bits == 8 else 257))
    options = {'format': f'bayer_rggb{bits}; {codec} compressed ', 'bit_depth': BitDepth(bits)}
    for keep_grey in (False, True):
        image = decode_compressed(data, **options, keep_grey=keep_grey)
        assert (image == [10, 100, 200]).all()


def test_a_mosaic_that_was_made_a_picture_before_it_was_compressed_is_one():
    """Jpegs of the transport are: to bgr8 or, for a mosaic in later releases, to mono8."""
    color = np.full((8, 8, 3), (200, 100, 10), np.uint8)
    data = _encoded('.jpg', color)
    for pixels in ('bgr8', ''):
        image = decode_compressed(data, format=f'bayer_rggb8; jpeg compressed {pixels}')
        np.testing.assert_allclose(image, np.broadcast_to([10, 100, 200], (8, 8, 3)), atol=3)
    grey = _encoded('.jpg', MOSAIC)
    options = {'keep_grey': True, 'format': 'bayer_rggb8; jpeg compressed mono8'}
    assert decode_compressed(grey, **options).shape == (8, 8)


@pytest.mark.parametrize(
    ('format', 'kind'),
    [
        ('bgr8; png compressed bgr8', '.png'),
        ('rgb8; png compressed bgr8', '.png'),
        # Some drivers write it of pictures in their right colours.
        ('rgb8; png compressed rgb8', '.png'),
        ('png', '.png'),
        ('', '.png'),
        ('bgr8; tiff compressed ', '.tif'),
    ],
)
def test_colours_are_those_of_the_file(format, kind):
    data = _encoded(kind, np.full((4, 4, 3), (200, 100, 10), np.uint8))
    assert (decode_compressed(data, format=format) == [10, 100, 200]).all()


@pytest.mark.parametrize('format', ['rgb8; tiff compressed ', 'rgba8; tiff compressed '])
def test_in_a_tiff_of_rgb_red_and_blue_have_changed_places(format):
    """The transport has OpenCV write the numbers as they are, which takes them for BGR."""
    data = _encoded('.tif', np.full((4, 4, 3), (10, 100, 200), np.uint8))
    assert (decode_compressed(data, format=format) == [10, 100, 200]).all()


@pytest.mark.parametrize('kind', ['.png', '.tif', '.pgm', '.ppm'])
@pytest.mark.parametrize('channels', [1, 3])
def test_pictures_of_16_bits_keep_their_bits(kind, channels):
    if (kind, channels) in (('.pgm', 3), ('.ppm', 1)):
        return
    row = np.tile(np.arange(0, 4096, 273, dtype=np.uint16), (2, 1))  # 15 steps from 0 to 4095
    pixels = row if channels == 1 else np.dstack([row] * 3)
    bit_depth = BitDepth()
    image = decode_compressed(_encoded(kind, pixels), bit_depth=bit_depth, keep_grey=True)
    assert bit_depth.bits == 12
    assert (image.ndim == 2) == (channels == 1)
    np.testing.assert_array_equal(image, pixels // 273 * 17)  # 15 steps from 0 to 255


def test_numbers_that_are_no_picture_are_named():
    data = _encoded('.tif', np.ones((4, 4), np.float32))
    with pytest.raises(ValueError, match='got pixels of float32, expected 8 or 16 bits'):
        decode_compressed(data, keep_grey=True)


@pytest.mark.parametrize('format', ['16UC1; compressedDepth png', '32FC1; compressedDepth rvl'])
def test_depth_is_no_picture(format):
    with pytest.raises(ValueError, match=f"got depth .format '{format}'., expected a picture"):
        decode_compressed(_encoded('.png', np.ones((4, 4), np.uint16)), format=format)


@pytest.mark.parametrize(
    ('format', 'words'),
    [
        ('h264', "'h264' is a video, .*image_transport republish"),
        ('rgb8; hevc', 'is a video'),
        ('zstd', "format is 'zstd'.; send or record raw, jpeg or png"),
    ],
)
def test_what_cannot_be_decoded_says_its_format_and_what_to_do(format, words):
    with pytest.raises(ValueError, match=f'got 8 bytes that are no jpeg or png.*{words}'):
        decode_compressed(bytes([0, 0, 0, 1, 0x67, 0x42, 0, 0x1E]), format=format)


def test_a_png_of_16_bits_is_depth_behind_a_header_or_not():
    values = np.array([[0, 1], [256, 65535]], np.uint16)
    png = cv2.imencode('.png', values)[1].tobytes()
    for data in (png, bytes(12) + png):
        assert is_png16(data)
        np.testing.assert_array_equal(decode_png16(data), values)
    grey = cv2.imencode('.png', values.astype(np.uint8))[1].tobytes()
    huge = png[:16] + (10**5).to_bytes(4, 'big') * 2 + png[24:]
    for data in (b'', grey, png[:40], huge):
        with pytest.raises(ValueError, match='no grey 16-bit png'):
            decode_png16(data)


def test_a_few_bytes_do_not_become_gigabytes(tmp_path):
    """In a process of its own: OpenCV takes its limit when it is imported."""
    code = (
        'import sys; from monodepth_ros.core.bit_depth import BitDepth\n'
        'from monodepth_ros.core.compressed import decode_compressed\n'
        'print(decode_compressed(open(sys.argv[1], "rb").read(), bit_depth=BitDepth()).shape)\n'
    )
    for side, words in ((1000, '(1000, 1000, 3)'), (8200, 'no jpeg or png')):
        path = tmp_path / f'{side}.png'
        assert cv2.imwrite(str(path), np.zeros((side, side), np.uint8))
        result = subprocess.run(
            [sys.executable, '-c', code, path], capture_output=True, text=True, check=False
        )
        assert words in result.stdout + result.stderr
