"""Image bytes to arrays."""

from __future__ import annotations

from array import array
import math
import struct

import cv2
from hypothesis import given, settings
from hypothesis import strategies as st
import numpy as np
import pytest

from monodepth_ros.core import image_encodings
from monodepth_ros.core.bayer import demosaic
from monodepth_ros.core.bit_depth import BitDepth
from monodepth_ros.core.image_encodings import ENCODINGS

# What the names of sensor_msgs/image_encodings.hpp say, independent of OpenCV.
COLORS = {
    **{f'{order}{bits}': (order, bits // 8) for order in ('rgb', 'bgr', 'rgba', 'bgra')
       for bits in (8, 16)},
    '8UC3': ('bgr', 1),
    '8UC4': ('bgra', 1),
    '16UC3': ('bgr', 2),
    '16UC4': ('bgra', 2),
}  # fmt: skip
GREYS = {'mono8': 1, '8UC1': 1, 'mono16': 2, '16UC1': 2, '32FC1': 4}
PAIRS = {'yuv422': 'uyvy', 'uyvy': 'uyvy', 'yuv422_yuy2': 'yuyv', 'yuyv': 'yuyv'}
# the order of chroma, and how many rows and columns share it
PLANES = {'nv12': ('uv', 2), 'nv21': ('vu', 2), 'nv24': ('uv', 1)}
BAYERS = {
    f'bayer_{order}{bits}': (order, bits // 8)
    for order in ('rggb', 'bggr', 'gbrg', 'grbg')
    for bits in (8, 16)
}
BYTES_A_PIXEL = {
    **{name: len(order) * size for name, (order, size) in COLORS.items()},
    **GREYS,
    **dict.fromkeys(PAIRS, 2),
    **dict.fromkeys(PLANES, 1),
    **{name: size for name, (_, size) in BAYERS.items()},
}
# how many pixels share something; a mosaic smaller than 3 x 3 has no neighbours of each colour
ROWS_COLUMNS = {**dict.fromkeys(PAIRS, (1, 2)), 'nv12': (2, 2), 'nv21': (2, 2)}
LINES = {'nv12': 1.5, 'nv21': 1.5, 'nv24': 3}


def decode_image(data, **fields):
    """Of a camera that fills all of 16 bits."""
    return image_encodings.decode_image(data, bit_depth=BitDepth(16), **fields)


def _number(data, at, size, big):
    if size == 4:
        return struct.unpack_from('>f' if big else '<f', data, at)[0]
    return int.from_bytes(data[at : at + size], 'big' if big else 'little')


def _grey(data, at, size, big):
    value = _number(data, at, size, big)
    if size == 4:
        return 0 if math.isnan(value) else 255 * min(max(value, 0), 1)
    return 255 * value / (256**size - 1)


def _bt601(y, u, v):
    """Luma 16..235 and chroma 16..240 to RGB; OpenCV takes luma below 16 for 16."""
    y = 255 / 219 * max(y - 16, 0)
    u, v = (255 / 112 * (chroma - 128) for chroma in (u, v))
    rgb = y + 0.701 * v, y - 0.886 * 0.114 / 0.587 * u - 0.701 * 0.299 / 0.587 * v, y + 0.886 * u
    return [min(max(value, 0), 255) for value in rgb]


def _demosaiced(value_at, order, v, u, height, width):
    """Bilinear: a pixel's own colour, the mean of the 3 x 3 around it for the other two."""
    v, u = min(max(v, 1), height - 2), min(max(u, 1), width - 2)
    rgb = []
    for color in 'rgb':
        around = [(v + dv, u + du) for dv in (-1, 0, 1) for du in (-1, 0, 1)]
        around = [(j, i) for j, i in around if order[j % 2 * 2 + i % 2] == color]
        seen = [(v, u)] if (v, u) in around else around
        rgb.append(sum(value_at(j, i) for j, i in seen) / len(seen))
    return rgb


def _defined(data, v, u, *, encoding, width, height, step, is_bigendian):
    """RGB of the pixel in row v, column u as its encoding is defined, unrounded."""
    at = v * step + u * BYTES_A_PIXEL[encoding]
    if encoding in COLORS:
        order, size = COLORS[encoding]
        places = [at + size * order.index(color) for color in 'rgb']
        return [_grey(data, place, size, is_bigendian) for place in places]
    if encoding in GREYS:
        return [_grey(data, at, GREYS[encoding], is_bigendian)] * 3
    if encoding in BAYERS:
        order, size = BAYERS[encoding]
        return _demosaiced(
            lambda j, i: _grey(data, j * step + i * size, size, is_bigendian),
            order,
            v,
            u,
            height,
            width,
        )
    if encoding in PAIRS:
        order = PAIRS[encoding]
        pair = v * step + u // 2 * 4
        return _bt601(data[at + order.index('y')], *(data[pair + order.index(c)] for c in 'uv'))
    order, shared = PLANES[encoding]
    pair = (height + v // shared * 2 // shared) * step + u // shared * 2
    return _bt601(data[at], *(data[pair + order.index(c)] for c in 'uv'))


@st.composite
def _images(draw, encoding):
    """The fields of a message and its bytes, which fit together or nearly so."""
    width, height = (draw(st.integers(-1, 7) | st.sampled_from([4, 6])) for _ in range(2))
    step = width * BYTES_A_PIXEL.get(encoding, 1) + draw(st.integers(-1, 5))
    size = int(step * height * LINES.get(encoding, 1)) + draw(st.sampled_from([0, 0, 0, 9, -1]))
    values = np.random.default_rng(draw(st.integers(0, 999))).bytes(max(size, 0))
    fields = {'encoding': encoding, 'width': width, 'height': height, 'step': step}
    return {**fields, 'is_bigendian': draw(st.booleans())}, values


def _fits(data, *, encoding, width, height, step, is_bigendian):
    rows, columns = ROWS_COLUMNS.get(encoding, (1, 1))
    return (
        encoding in ENCODINGS
        and min(width, height) >= (3 if encoding in BAYERS else 1)
        and not (height % rows or width % columns)
        and step >= width * BYTES_A_PIXEL[encoding]
        and len(data) >= step * height * LINES.get(encoding, 1)
    )


def test_every_encoding_has_a_definition_here():
    assert set(ENCODINGS) == set(BYTES_A_PIXEL)


@pytest.mark.parametrize('encoding', [*ENCODINGS, 'rgb12', ''])
@settings(max_examples=50)
@given(drawn=st.data())
def test_what_fits_is_decoded_and_the_rest_is_a_value_error(encoding, drawn):
    fields, data = drawn.draw(_images(encoding))
    if not _fits(data, **fields):
        with pytest.raises(ValueError, match=r'^got .* expected '):
            decode_image(data, **fields)
        return
    rgb = decode_image(data, **fields)
    size = (fields['height'], fields['width'])
    assert (rgb.shape, rgb.dtype) == ((*size, 3), np.uint8)
    defined = [[_defined(data, v, u, **fields) for u in range(size[1])] for v in range(size[0])]
    # OpenCV's coefficients of BT.601 have three digits.
    is_yuv = encoding in {**PAIRS, **PLANES}
    np.testing.assert_allclose(rgb, defined, rtol=0, atol=1 if is_yuv else 0.51)


@pytest.mark.parametrize('encoding', [*GREYS, *COLORS])
@given(drawn=st.data())
def test_a_grey_image_can_stay_grey(encoding, drawn):
    fields, data = drawn.draw(_images(encoding))
    if _fits(data, **fields):
        kept = decode_image(data, **fields, keep_grey=True)
        rgb = decode_image(data, **fields)
        np.testing.assert_array_equal(kept, rgb[..., 0] if encoding in GREYS else rgb)


@pytest.mark.parametrize('huge', [2**31, 2**63, 10**30])
@pytest.mark.parametrize('encoding', ENCODINGS)
def test_a_size_is_believed_only_as_far_as_there_are_bytes(encoding, huge):
    for width, height, step in ((huge, 4, 4), (4, huge, 64), (huge, huge, huge * 4), (4, 4, huge)):
        with pytest.raises(ValueError, match='got 100 bytes'):
            decode_image(bytes(100), encoding=encoding, width=width, height=height, step=step)


def test_rgb_and_bgr_name_the_order_of_bytes():
    pixel = bytes([1, 2, 3])
    size = {'width': 1, 'height': 1, 'step': 3}
    assert decode_image(pixel, encoding='rgb8', **size).tolist() == [[[1, 2, 3]]]
    assert decode_image(pixel, encoding='bgr8', **size).tolist() == [[[3, 2, 1]]]


def test_numbers_of_more_bytes_follow_the_message_s_order_of_them():
    size = {'width': 2, 'height': 1, 'step': 4, 'keep_grey': True}
    data = bytes([0x80, 0x00, 0xFF, 0xFF])  # 32768 and 65535 of 65535; or 128 and 65535
    assert decode_image(data, encoding='mono16', is_bigendian=True, **size).tolist() == [
        [128, 255]
    ]
    assert decode_image(data, encoding='mono16', is_bigendian=False, **size).tolist() == [[0, 255]]


@pytest.mark.parametrize('encoding', ['mono16', 'bgra16', 'bayer_grbg16'])
def test_a_camera_of_12_bits_is_white_at_4095(encoding):
    """An alpha of 16 bits says nothing of the colours."""
    values = np.full((4, 4, 4 if encoding == 'bgra16' else 1), 4095, '<u2')
    values[..., 3:] = 65535
    fields = {'encoding': encoding, 'width': 4, 'height': 4, 'step': values.strides[0]}
    bit_depth = BitDepth()
    image = image_encodings.decode_image(values.tobytes(), bit_depth=bit_depth, **fields)
    assert (image == 255).all()
    assert bit_depth.bits == 12


def test_floats_are_white_from_one_and_black_up_to_zero_and_where_they_are_no_number():
    values = np.array([0, 0.5, 1, 7, -1, np.nan, np.inf, -np.inf], '<f4').tobytes()
    signalling = bytes([0, 0, 0xA0, 0x7F])  # no number either, and quick to become one
    size = {'width': 9, 'height': 1, 'step': 36, 'keep_grey': True}
    image = decode_image(values + signalling, encoding='32FC1', **size)
    assert image.tolist() == [[0, 128, 255, 255, 0, 0, 255, 0, 0]]


@pytest.mark.parametrize('order', ['rggb', 'bggr', 'gbrg', 'grbg'])
@pytest.mark.parametrize('dtype', [np.uint8, np.uint16])
def test_a_mosaic_of_one_colour_comes_back_in_that_colour(order, dtype):
    color = {'r': 10, 'g': 100, 'b': 200}
    cell = np.array([color[name] for name in order], dtype).reshape(2, 2)
    mosaic = np.tile(cell * dtype(np.iinfo(dtype).max // 255), (3, 4))
    encoding = f'bayer_{order}{8 * mosaic.itemsize}'
    image = decode_image(
        mosaic.tobytes(), encoding=encoding, width=8, height=6, step=mosaic.strides[0]
    )
    assert (image == [10, 100, 200]).all()


@pytest.mark.parametrize('order', ['rggb', 'bggr', 'gbrg', 'grbg'])
def test_a_mosaic_of_an_image_and_one_of_a_file_become_the_same_colours(order):
    mosaic = np.random.default_rng(0).integers(0, 256, (6, 8), np.uint8)
    encoding = f'bayer_{order}8'
    image = decode_image(mosaic.tobytes(), encoding=encoding, width=8, height=6, step=8)
    np.testing.assert_array_equal(demosaic(mosaic, encoding), image)


def test_a_mosaic_without_colours_is_refused():
    with pytest.raises(ValueError, match='expected at least 3 x 3'):
        demosaic(np.zeros((2, 8), np.uint8), 'bayer_rggb8')
    with pytest.raises(ValueError, match="got mosaic encoding 'bayer_rgb8', expected one of"):
        demosaic(np.zeros((4, 8), np.uint8), 'bayer_rgb8')


# Of BT.601: white, black, and full red at a luma of 82, U of 90 and V of 240.
@pytest.mark.parametrize(
    ('yuv', 'rgb'), [((235, 128, 128), 255), ((16, 128, 128), 0), ((82, 90, 240), (255, 0, 0))]
)
def test_yuv_has_the_colours_of_bt601(yuv, rgb):
    y, u, v = yuv
    layouts = {
        'uyvy': [u, y, v, y] * 2,
        'yuyv': [y, u, y, v] * 2,
        'nv12': [y, y, y, y, u, v],
        'nv21': [y, y, y, y, v, u],
        'nv24': [y, y, y, y, *[u, v] * 4],
    }
    for encoding, values in layouts.items():
        step = 2 if encoding in PLANES else 4
        image = decode_image(bytes(values), encoding=encoding, width=2, height=2, step=step)
        np.testing.assert_allclose(image, np.broadcast_to(rgb, (2, 2, 3)), atol=1, rtol=0)


@pytest.mark.parametrize('encoding', ['rgb8', 'mono8', '8UC1'])
@pytest.mark.parametrize('padding', [0, 3])
def test_what_is_bytes_of_rgb_or_grey_is_not_copied(encoding, padding):
    row = 5 * BYTES_A_PIXEL[encoding]
    data = np.arange(4 * (row + padding), dtype=np.uint8)
    fields = {'encoding': encoding, 'width': 5, 'height': 4, 'step': row + padding}
    image = decode_image(data, **fields, keep_grey=True)
    assert np.shares_memory(image, data)
    # What the predictor does with it: padding must not reach the picture.
    map_u, map_v = np.meshgrid(np.arange(5, dtype=np.float32), np.arange(4, dtype=np.float32))
    np.testing.assert_array_equal(cv2.remap(image, map_u, map_v, cv2.INTER_LINEAR), image)


def test_every_form_of_bytes_that_messages_hold_is_read():
    """rclpy gives array('B'), rosbags numpy; bytes and views of them begin anywhere."""
    values = np.arange(24, dtype=np.uint8)
    read_only = values.copy()
    read_only.flags.writeable = False
    odd = memoryview(bytes(1) + values.tobytes())[1:]
    forms = [values.tobytes(), bytearray(values), array('B', values), odd, values, read_only]
    for encoding in ('bgr8', 'mono16', 'bayer_rggb8', 'uyvy', 'nv12'):
        step = 4 * BYTES_A_PIXEL[encoding]
        height = 2 if encoding not in BAYERS else 3
        fields = {'encoding': encoding, 'width': 4, 'height': height, 'step': step}
        images = [decode_image(data, **fields) for data in forms]
        assert all((image == images[0]).all() for image in images)


def test_an_unknown_encoding_is_told_what_there_is():
    with pytest.raises(ValueError, match=r"'rgb12', expected one of .*'bgr8'.*'nv24'"):
        decode_image(bytes(6), encoding='rgb12', width=1, height=1, step=6)
