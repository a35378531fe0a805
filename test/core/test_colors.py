"""Colours of depth."""

from __future__ import annotations

import cv2
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
import numpy as np
import pytest

from monodepth_ros.core.choices import COLOR_MAPS, FAR_M, NEAR_M
from monodepth_ros.core.colors import color_table, DepthColors

# 256 colours over 8 octaves: 32 an octave.
OCTAVES = {'near_m': 0.25, 'far_m': 64.0}


def _color(depth_m: float, **options) -> list[int]:
    return DepthColors(**options).paint(np.full((1, 1), depth_m, np.float32))[0, 0].tolist()


def test_near_is_red_and_far_is_blue():
    red, _, blue = color_table('turbo')[32]
    assert red > 3 * blue
    red, _, blue = color_table('turbo')[-32]
    assert blue > 3 * red


@pytest.mark.parametrize('name', COLOR_MAPS)
def test_tables_are_opencvs_maps_from_the_other_end(name):
    table = color_table(name)
    assert table.shape == (256, 3)
    assert table.dtype == np.uint8
    for level in (0, 100, 255):
        pixel = np.full((1, 1), 255 - level, np.uint8)
        bgr = cv2.applyColorMap(pixel, getattr(cv2, f'COLORMAP_{name.upper()}'))[0, 0]
        assert table[level].tolist() == bgr[::-1].tolist()


@pytest.mark.parametrize('name', [name for name in COLOR_MAPS if name != 'turbo'])
def test_the_other_maps_grow_darker_with_distance(name):
    brightness = color_table(name).sum(axis=1, dtype=int)
    assert brightness[0] > brightness[128] > brightness[255]


@pytest.mark.parametrize(
    ('depth_m', 'level'),
    [(0.25, 0), (0.3, 8), (0.5, 32), (1, 64), (8, 160), (60, 253), (63.9, 255)],
)
def test_colours_divide_every_octave_evenly(depth_m, level):
    # 0.3 m: 32 * log2(0.3 / 0.25) = 8.4; 60 m: 32 * log2(240) = 253.02.
    assert _color(depth_m, **OCTAVES) == color_table()[level].tolist()


def test_what_is_out_of_range_has_the_colour_at_its_end():
    first, last = color_table()[[0, 255]].tolist()
    for depth_m in (NEAR_M, 0.1, 1e-40, 0.0, -0.0, -3.0, -np.inf):
        assert _color(depth_m) == first
    for depth_m in (FAR_M, 61.0, 1e38, np.inf):
        assert _color(depth_m) == last


def test_invalid_depth_is_black_in_every_map():
    for name in COLOR_MAPS:
        assert _color(np.nan, color_map=name) == _color(-np.nan, color_map=name) == [0, 0, 0]


@given(
    depth_m=arrays(np.float32, array_shapes(min_dims=2, max_dims=2), elements=st.floats(width=32)),
    near_m=st.floats(0.01, 10),
    ratio=st.floats(1.5, 1000),
    step=st.integers(1, 3),
)
def test_every_depth_has_the_colour_of_its_logarithm(depth_m, near_m, ratio, step):
    colors = DepthColors('viridis', near_m=near_m, far_m=near_m * ratio)
    depth_m = depth_m[:, ::step]
    rgb = colors.paint(depth_m)
    assert rgb.shape == (*depth_m.shape, 3)
    table = color_table('viridis')
    for z, color in zip(depth_m.ravel().tolist(), rgb.reshape(-1, 3).tolist(), strict=True):
        if np.isnan(z):
            assert color == [0, 0, 0]
            continue
        level = 256 * np.log(np.clip(z, near_m, near_m * ratio) / near_m) / np.log(ratio)
        # Depth is read in steps of 2 ** -9, a fraction of a colour that grows for narrow ranges.
        first = level - 256 * 2**-9 / np.log(ratio) - 1e-3
        expected = table[int(np.clip(first, 0, 255)) : int(np.clip(level + 1e-3, 0, 255)) + 1]
        assert color in expected.tolist()


def test_the_array_is_used_again_until_the_size_changes():
    colors = DepthColors()
    first = colors.paint(np.full((2, 3), 5, np.float32))
    assert colors.paint(np.full((2, 3), 50, np.float32)) is first
    assert colors.paint(np.full((3, 2), 5, np.float32)).shape == (3, 2, 3)


@pytest.mark.parametrize(
    'range_m', [(0, 60), (-1, 60), (60, 1.5), (5, 5), (1, np.inf), (np.nan, 5)]
)
def test_a_range_that_has_no_logarithm_is_refused(range_m):
    with pytest.raises(ValueError, match='expected 0 < near < far'):
        DepthColors(near_m=range_m[0], far_m=range_m[1])


def test_an_unknown_map_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match=r"'jet'.*viridis"):
        DepthColors('jet')
