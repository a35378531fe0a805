"""The network's input grows with the live view."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
import numpy as np
import pytest

from monodepth_ros.core.camera import Camera, Intrinsics
from monodepth_ros.core.canonical import ImageWarp
from monodepth_ros.core.network_view import MAX_AREA, widened

CANONICAL = Intrinsics(fx=100, fy=100, cx=63.5, cy=31.5, width=128, height=64)


def _widened(live, valid=None, stride=16):
    everywhere = np.ones((live.height, live.width), bool)
    return widened(CANONICAL, live, everywhere if valid is None else valid, stride=stride)


def _reaching(left, right, top=0, bottom=0, scale=1):
    """A camera that sees so many canonical pixels more on each side, of another resolution."""
    wide = CANONICAL.cropped(
        left=-left, top=-top, width=128 + left + right, height=64 + top + bottom
    )
    return wide.scaled_to(width=scale * wide.width, height=scale * wide.height)


@pytest.mark.parametrize('scale', [1, 3])
def test_the_view_of_the_training_camera_changes_nothing(scale):
    assert _widened(_reaching(0, 0, scale=scale)) == CANONICAL


def test_a_narrower_view_does_not_shrink_the_input():
    tele = Intrinsics(fx=200, fy=200, cx=63.5, cy=31.5, width=128, height=64)
    assert _widened(tele) == CANONICAL


@pytest.mark.parametrize('scale', [1, 4])
def test_the_input_grows_to_where_the_view_ends(scale):
    # 32 columns to the left, 16 to the right: multiples of the stride.
    expected = CANONICAL.cropped(left=-32, top=0, width=176, height=64)
    assert _widened(_reaching(32, 16, scale=scale)) == expected


def test_rows_are_never_added():
    assert _widened(_reaching(0, 0, 32, 64)) == CANONICAL


def test_columns_count_in_the_rows_of_the_network_only():
    live = _reaching(32, 32, 16, 16)
    valid = np.ones((live.height, live.width), bool)
    valid[16:-16, :32] = False
    assert _widened(live, valid) == CANONICAL.cropped(left=0, top=0, width=160, height=64)


def test_what_rounding_adds_goes_to_both_ends():
    # 10 are wanted, 16 given: 3 beyond the view on either side.
    assert _widened(_reaching(10, 0)).cx == 63.5 + 13


def test_another_stride_is_added_where_the_view_fills_half_of_it():
    assert _widened(_reaching(4, 3)) == CANONICAL
    assert _widened(_reaching(4, 4)).width == 144
    assert _widened(_reaching(12, 11)).width == 144
    assert _widened(_reaching(12, 12)).width == 160


def test_a_fisheye_is_used_as_far_as_its_image_reaches():
    # r = f theta: 160 px of f = 200 px are 0.8 rad; 100 px tan(0.8) = 103 canonical px to either
    # side, so 78 more than the canonical 64 in all. P would show 160.
    k = (200.0, 0, 159.5, 0, 200.0, 29.5, 0, 0, 1.0)
    p = (100.0, 0, 159.5, 0, 0, 100.0, 29.5, 0, 0, 0, 1.0, 0)
    # Zeros alone would be no distortion at all.
    d = (1e-12, 0.0, 0.0, 0.0)
    camera = Camera(320, 60, k, d=d, p=p, distortion_model='equidistant')
    valid = ImageWarp(camera, camera.rectified).valid
    expected = CANONICAL.cropped(left=-40, top=0, width=208, height=64)
    assert _widened(camera.rectified, valid) == expected


def test_only_valid_pixels_of_the_view_count():
    live = _reaching(32, 32)
    valid = np.zeros((live.height, live.width), bool)
    valid[:, : 128 + 32] = True
    assert _widened(live, valid) == CANONICAL.cropped(left=-32, top=0, width=160, height=64)
    assert _widened(live, np.zeros_like(valid)) == CANONICAL


def test_the_area_at_most_doubles():
    network = _widened(_reaching(300, 100))
    assert (network.width, network.height) == (256, 64)
    # Three quarters of what was wanted, and given, lie to the left.
    assert network.cx == 63.5 + 96


sizes = st.integers(1, 400)
# Down to what no lens has: the view is then wider than any, which must not take long.
focal_lengths = st.one_of(st.floats(20, 500), st.floats(1e-9, 1e-3))


@given(
    live=st.builds(
        Intrinsics,
        fx=focal_lengths,
        fy=focal_lengths,
        cx=st.floats(-100, 500),
        cy=st.floats(-100, 500),
        width=sizes,
        height=sizes,
    ),
    stride=st.sampled_from([16, 32, 64]),
)
def test_any_view_gives_a_camera_that_the_network_can_take(live, stride):
    network = _widened(live, stride=stride)
    assert (network.fx, network.fy) == (CANONICAL.fx, CANONICAL.fy)
    assert network.width % stride == network.height % stride == 0
    assert network.width * network.height <= MAX_AREA * CANONICAL.width * CANONICAL.height
    # The canonical view is part of it: its first and last pixel are inside.
    left, top = network.cx - CANONICAL.cx, network.cy - CANONICAL.cy
    assert 0 <= left <= network.width - CANONICAL.width
    assert 0 <= top <= network.height - CANONICAL.height
    # Whole pixels: the training camera's pixels are the network's.
    assert left == round(left)
    assert top == round(top)


@pytest.mark.parametrize(
    ('row', 'counts'), [(47, False), (48, True), (48 + 191, True), (48 + 192, False)]
)
def test_the_first_and_last_row_of_the_network_count(row, counts):
    # Twice as fine along rows, three times along columns: 16 rows above the network's are 48.
    wide = _reaching(32, 16, 16, 16)
    live = wide.scaled_to(width=2 * wide.width, height=3 * wide.height)
    valid = np.zeros((live.height, live.width), bool)
    valid[:, 64:320] = True
    valid[row] = True
    expected = CANONICAL.cropped(left=-32, top=0, width=176, height=64) if counts else CANONICAL
    assert _widened(live, valid) == expected
