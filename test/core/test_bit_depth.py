"""What number is white in images of 16 bits."""

from __future__ import annotations

from functools import partial

from hypothesis import given
from hypothesis import strategies as st
import numpy as np
import pytest

from monodepth_ros.core.bit_depth import (
    at_one_depth,
    BIT_DEPTHS,
    BitDepth,
    check_bits,
    first_bits,
    FIRST_FRAMES,
    holding,
)


def _grey(number, dtype=np.uint16):
    return np.array([[0, number]], dtype)


@pytest.mark.parametrize(
    ('number', 'bits'),
    [
        (0, 10),
        (1023, 10),
        (1024, 12),
        (4095, 12),
        (4096, 14),
        (16383, 14),
        (16384, 16),
        (65535, 16),
    ],
)
def test_the_smallest_bit_depth_that_holds_a_number(number, bits):
    assert holding(number) == bits
    depth = BitDepth()
    depth.to_uint8(_grey(number))
    assert (depth.bits, depth.brightest) == (bits, number)


@given(bits=st.sampled_from(BIT_DEPTHS), fraction=st.floats(0, 1))
def test_black_is_0_and_white_255_whatever_the_bits(bits, fraction):
    number = round(fraction * (2**bits - 1))
    image = BitDepth(bits).to_uint8(_grey(number))
    assert image.dtype == np.uint8
    np.testing.assert_allclose(image, [[0, 255 * number / (2**bits - 1)]], atol=0.501)


def test_images_of_8_bits_are_as_they_are():
    depth = BitDepth()
    image = _grey(200, np.uint8)
    assert depth.to_uint8(image) is image
    assert (depth.bits, depth.remark) == (None, '')
    with pytest.raises(ValueError, match='got pixels of int16, expected 8 or 16 bits'):
        depth.to_uint8(_grey(200, np.int16))


def test_a_brighter_image_raises_the_bits_for_good_and_it_is_said():
    said = []
    depth = BitDepth(warn=said.append)
    for number in (900, 800, 1023, 4000, 500):
        image = depth.to_uint8(_grey(number))
    assert image.tolist() == [[0, 31]]  # 255 * 500 / 4095
    assert said == [
        '16-bit images: taken as 10 bits (white is 1023), the brightest so far is 900',
        '16-bit images: taken as 12 bits (white is 4095), the brightest so far is 4000; those '
        'before it were taken as 10 bits',
    ]
    assert depth.remark.endswith('the brightest so far is 4000')
    depth.to_uint8(_grey(65535))


def test_bits_that_are_known_are_said_once_and_not_lowered():
    said = []
    depth = BitDepth(12, warn=said.append)
    assert depth.remark == ''
    assert depth.to_uint8(_grey(1023)).tolist() == [[0, 64]]
    depth.to_uint8(_grey(900))
    assert said == [
        '16-bit images: taken as 12 bits (white is 4095), the brightest so far is 1023'
    ]


def test_the_images_of_one_moment_have_one_scale():
    numbers = 1000, 4000
    views = at_one_depth(
        lambda depth: [depth.to_uint8(_grey(number)) for number in numbers], BitDepth(10)
    )
    assert [view[0, 1] for view in views] == [62, 249]  # 255 * number / 4095


def _cut(_):
    raise ValueError('cut')


def _read(number, depth):
    return depth.to_uint8(_grey(number))


def test_the_first_frames_say_the_bits_of_a_sequence():
    dark = [partial(_read, 900)] * (FIRST_FRAMES - 2)
    assert first_bits([_cut, *dark, partial(_read, 3000)]) == 12
    assert first_bits([_cut, *dark, partial(_read, 900), partial(_read, 3000)]) == 10
    assert first_bits([]) is None


def test_after_an_image_of_8_bits_no_other_is_decoded():
    asked = []

    def read(depth):
        asked.append(depth.to_uint8(_grey(200, np.uint8)))

    assert first_bits([_cut, read, read]) is None
    assert len(asked) == 1


def test_stated_bits_are_one_of_four_or_none():
    assert (check_bits(12, 'file'), check_bits(None, 'file')) == (12, None)
    for bits in (11, 8, True, '12', 12.0):
        with pytest.raises(
            ValueError, match=r'file has bits .*, expected one of \(10, 12, 14, 16'
        ):
            check_bits(bits, 'file')
