"""Pixels on no surface, in rows of inverse depth that one can read."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
import numpy as np
import pytest

from monodepth_ros.core.flying_pixels import FlyingPixels

NEAR, FAR = [0.5] * 12, [0.25] * 12
# From 2 m to 4 m in as many steps as a smoothing over 5 pixels makes of an edge.
EDGE = [*NEAR, 0.45, 0.40, 0.35, 0.30, *FAR]
ON_EDGE = [12, 13, 14, 15]


def _depth(inverse_row) -> np.ndarray:
    """30 equal rows of depth."""
    with np.errstate(divide='ignore'):
        return np.tile(np.float32(1) / np.array(inverse_row, np.float32), (30, 1))


def _find(depth_m, **options) -> np.ndarray:
    return FlyingPixels(depth_m.shape, **options).find(depth_m)


def _columns(inverse_row) -> list[int]:
    """Where a row of inverse depth flies; all rows alike."""
    flying = _find(_depth(inverse_row))
    assert (flying == flying[0]).all()
    return np.flatnonzero(flying[0]).tolist()


def test_what_hangs_between_an_object_and_its_background_flies():
    assert _columns(EDGE) == ON_EDGE
    assert _columns(EDGE[::-1]) == [len(EDGE) - 1 - u for u in reversed(ON_EDGE)]


def test_edges_are_found_in_every_direction():
    flying = _find(np.ascontiguousarray(_depth(EDGE).T))
    np.testing.assert_array_equal(flying, _find(_depth(EDGE)).T)


def test_edges_twice_as_smooth_are_found():
    row = np.r_[NEAR, np.linspace(0.5, 0.25, 10)[1:-1], FAR]
    assert _columns(row) == list(range(12, 20))


def test_an_edge_is_found_before_a_slope():
    # 0.01 a pixel is what a plane may have: four pixels of it would hide the step of 0.04.
    floor = [0.30 - 0.01 * step for step in range(12)]
    assert _columns([*NEAR, 0.46, 0.42, 0.38, 0.34, *floor]) == ON_EDGE


def test_a_sharp_edge_has_nothing_in_between():
    assert _columns([*NEAR, *FAR]) == []


@pytest.mark.parametrize(('far', 'flies'), [(0.92, []), (0.89, [12])])
def test_a_twentieth_of_depth_is_on_the_surface(far, flies):
    # Half way is 4.2 % behind the front of the first step, and 5.8 % of the second.
    assert _columns([1.0] * 12 + [(1 + far) / 2] + [far] * 12) == flies


@given(st.floats(-1, 1), st.floats(-1, 1), st.floats(0.001, 1))
def test_no_plane_flies_however_steep(along_u, along_v, least):
    v, u = np.mgrid[:40, :40]
    inverse = along_u * u + along_v * v
    depth_m = (1 / (inverse - inverse.min() + least)).astype(np.float32)
    assert not _find(depth_m).any()


def test_a_crease_between_planes_does_not_fly():
    floor = [0.02 * (v + 1) for v in range(20)]
    assert _columns([0.4] * 20 + floor[::-1]) == []
    assert _columns([0.02] * 20 + floor) == []
    assert _columns(floor + floor[::-1]) == []


def test_before_the_sky_an_edge_flies_and_the_sky_does_not():
    assert _columns([*NEAR, 0.4, 0.3, 0.2, 0.1, *[0.0] * 12]) == ON_EDGE


def test_the_border_of_what_is_invalid_is_no_edge():
    v, u = np.mgrid[:40, :40]
    depth_m = (1 / (0.01 * u + 0.02 * v + 0.5)).astype(np.float32)
    depth_m[(u - 20) ** 2 + (v - 20) ** 2 > 19**2] = np.nan
    depth_m[20:25, 20:25] = np.nan
    depth_m[10, 20] = depth_m[30, 15] = np.nan
    assert not _find(depth_m).any()


def test_a_steep_plane_may_end_at_a_slanted_border():
    v, u = np.mgrid[:60, :60]
    depth_m = (1 / (0.01 * u + 0.02 * v + 0.05)).astype(np.float32)
    depth_m[u > v] = np.nan
    assert not _find(depth_m).any()


def test_an_invalid_pixel_flies_not_and_hides_none():
    depth_m = _depth(EDGE)
    expected = _find(depth_m).copy()
    for v, invalid in ((5, np.nan), (10, 0.0), (15, -1.0), (20, -np.inf), (25, 1e-40)):
        depth_m[v, [11, 14]] = invalid
        expected[v, [11, 14]] = False
    np.testing.assert_array_equal(_find(depth_m), expected)


def test_an_image_without_any_depth_has_nothing_flying():
    for nothing in (np.nan, np.inf):
        assert not _find(np.full((3, 4), nothing, np.float32)).any()


def test_magnified_pixels_fly_together():
    depth_m = _depth(EDGE)
    thrice = depth_m.repeat(3, axis=0).repeat(3, axis=1)
    expected = _find(depth_m).repeat(3, axis=0).repeat(3, axis=1)
    np.testing.assert_array_equal(_find(thrice, magnification=3), expected)


def test_earlier_images_are_forgotten():
    flying = FlyingPixels((30, len(EDGE)))
    assert flying.find(_depth(EDGE)).any()
    # Beside a pixel that is invalid now, but was nearer.
    assert not flying.find(_depth([*[0.2] * 9, 0.25, np.nan, *[0.2] * 17])).any()
