"""What the network is shown."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
import numpy as np

from monodepth_ros.core.camera import Camera, Intrinsics
from monodepth_ros.core.network_view import FADE_PX, ToNetwork

NETWORK = Intrinsics(fx=100, fy=100, cx=63.5, cy=31.5, width=128, height=64)
WHOLE = Camera.pinhole(NETWORK)
LEFT_HALF = Camera.pinhole(NETWORK.cropped(left=0, top=0, width=64, height=64))
MIDDLE = Camera.pinhole(NETWORK.cropped(left=32, top=16, width=64, height=32))


def test_a_view_that_fills_the_image_is_shown_as_it_is():
    image = np.random.default_rng(0).integers(0, 256, (64, 128, 3), np.uint8)
    np.testing.assert_array_equal(ToNetwork(WHOLE, NETWORK).warp(image), image)


def test_a_narrow_view_stays_as_it_is():
    image = np.random.default_rng(0).integers(0, 256, (32, 64, 3), np.uint8)
    shown = ToNetwork(MIDDLE, NETWORK).warp(image)
    np.testing.assert_array_equal(shown[16:48, 32:96], image)


def test_a_grey_image_is_shown_in_grey_colours():
    image = np.random.default_rng(0).integers(0, 256, (32, 64), np.uint8)
    shown = ToNetwork(MIDDLE, NETWORK).warp(image)
    np.testing.assert_array_equal(shown, ToNetwork(MIDDLE, NETWORK).warp(np.dstack([image] * 3)))
    assert (np.ptp(shown, axis=2) == 0).all()


def test_around_a_view_of_one_colour_there_is_that_colour():
    image = np.full((32, 64, 3), (10, 120, 250), np.uint8)
    shown = ToNetwork(MIDDLE, NETWORK).warp(image)
    np.testing.assert_array_equal(shown, np.broadcast_to(image[0, 0], (64, 128, 3)))


def test_the_mirrored_view_fades_into_the_colour_nearby():
    # 60 up to 8 columns before the border, 0 in those: mirrored, columns 72 to 127 are 60.
    image = np.full((64, 64), 60, np.uint8)
    image[:, 56:] = 0
    row = ToNetwork(LEFT_HALF, NETWORK).warp(image)[32, :, 0].astype(float)
    fraction = np.exp(-(np.arange(128) - 63) / FADE_PX)
    # Nearby colours lie between 0 and 60, and so does what they are mixed with.
    assert (row[64:72] <= 60 * (1 - fraction[64:72]) + 1).all()
    assert (row[72:] >= 60 * fraction[72:] - 1).all()
    # Far away it is the mean of the view: 60 * 56 / 64.
    assert abs(row[-1] - 52.5) < 3


@given(st.integers(1, 70), st.integers(1, 70), st.integers(-40, 60), st.integers(-40, 60))
def test_a_view_of_any_place_and_size_is_shown(width, height, left, top):
    camera = Camera.pinhole(NETWORK.cropped(left=left, top=top, width=width, height=height))
    shown = ToNetwork(camera, NETWORK).warp(np.full((height, width, 3), 77, np.uint8))
    np.testing.assert_array_equal(shown, np.full((64, 128, 3), 77, np.uint8))
