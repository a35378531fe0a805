"""Live camera <-> canonical camera."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from monodepth_ros.core.camera import Camera, Intrinsics
from monodepth_ros.core.canonical import fit_canonical, FromCanonical, ToCanonical

CANONICAL = Intrinsics(fx=100, fy=100, cx=63.5, cy=31.5, width=128, height=64)
BARREL = (-0.3, 0.1, 0.001, -0.002, -0.02)


def _live(d=BARREL, angle_rad=0.02):
    rotation = cv2.Rodrigues(np.array([0.01, angle_rad, -0.01]))[0]
    p = (180.0, 0, 155.0, 0, 0, 180.0, 125.0, 0, 0, 0, 1.0, 0)
    k = (200.0, 0, 160.0, 0, 201.0, 118.0, 0, 0, 1.0)
    return Camera(320, 240, k, d=d, r=tuple(rotation.ravel()), p=p)


def _live_pixel_of(camera, intrinsics, u, v):
    """Project the ray of a rectified pixel into the raw image, by OpenCV's projectPoints."""
    ray = np.array([(u - intrinsics.cx) / intrinsics.fx, (v - intrinsics.cy) / intrinsics.fy, 1])
    raw = camera.rotation.T @ ray
    k, d = np.reshape(camera.k, (3, 3)), np.array(camera.d)
    return cv2.projectPoints(raw[None], np.zeros(3), np.zeros(3), k, d)[0].ravel()


def test_a_gradient_image_tells_where_each_canonical_pixel_was_taken():
    camera = _live()
    columns = np.tile(np.arange(240, dtype=np.uint8), (240, 1))
    image = np.pad(columns, ((0, 0), (0, 80)), mode='edge')
    warped = ToCanonical(camera, CANONICAL).warp(image)
    for u, v in ((40, 20), (64, 32), (80, 50)):
        x, _ = _live_pixel_of(camera, CANONICAL, u, v)
        # Area averaging and rounding to bytes each cost half a grey level.
        assert abs(float(warped[v, u]) - x) < 1.2


def test_a_pinhole_camera_of_the_same_numbers_is_left_alone():
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (64, 128, 3), np.uint8)
    to_canonical = ToCanonical(Camera.pinhole(CANONICAL), CANONICAL)
    np.testing.assert_array_equal(to_canonical.warp(image), image)
    assert to_canonical.valid.all()


def test_minifying_averages_instead_of_aliasing():
    # One-pixel stripes of 0 and 200, four times larger than the canonical image: all grey.
    live = CANONICAL.scaled_to(width=512, height=256)
    stripes = np.tile(np.array([0, 200], np.uint8), (256, 256))
    warped = ToCanonical(Camera.pinhole(live), CANONICAL).warp(stripes)
    assert set(np.unique(warped)) == {100}


def test_pixels_outside_the_live_image_are_invalid():
    half = CANONICAL.cropped(left=0, top=0, width=64, height=64)
    valid = ToCanonical(Camera.pinhole(half), CANONICAL).valid
    assert valid[:, :64].all()
    assert not valid[:, 64:].any()


def test_rays_that_the_lens_cannot_have_seen_are_invalid():
    # r (1 - r^2 / 3) grows up to r = 1, that is 45 degrees.
    wide = Intrinsics(fx=50, fy=50, cx=100, cy=0, width=201, height=1)
    k = (50.0, 0, 100.0, 0, 50.0, 0.0, 0, 0, 1.0)
    valid = ToCanonical(Camera(201, 1, k, d=(-1 / 3, 0.0, 0.0, 0.0, 0.0)), wide).valid[0]
    np.testing.assert_array_equal(valid, np.abs(np.arange(201) - 100) < 50)


def test_a_cropped_map_gives_the_window_of_the_whole_one():
    live = CANONICAL.scaled_to(width=256, height=128)
    image = np.random.default_rng(0).integers(0, 256, (128, 256), np.uint8)
    whole = ToCanonical(Camera.pinhole(live), CANONICAL)
    window = whole.cropped(left=10, top=5, width=100, height=50)
    np.testing.assert_array_equal(window.warp(image), whole.warp(image)[5:55, 10:110])
    assert window.canonical == CANONICAL.cropped(left=10, top=5, width=100, height=50)
    assert window.valid.shape == (50, 100)


def test_another_size_than_the_camera_info_is_refused():
    with pytest.raises(ValueError, match='got an image of 10 x 20, expected 320 x 240'):
        ToCanonical(_live(), CANONICAL).warp(np.zeros((20, 10, 3), np.uint8))


def test_an_unsupported_distortion_is_refused():
    camera = Camera(320, 240, _live().k, d=(0.1,) * 4, distortion_model='mirror')
    with pytest.raises(ValueError, match="'mirror'"):
        ToCanonical(camera, CANONICAL)


def test_there_and_back_gives_the_depth_of_the_same_ray():
    live = _live().rectified

    def slanted_plane(camera):
        """Canonical disparity of the plane Z = 4 + x: linear in the ray's x."""
        x = (np.arange(camera.width) - camera.cx) / camera.fx
        row = (100 * 0.5 / 4 * (1 - x)).astype(np.float32)
        return np.tile(row, (camera.height, 1))

    back = FromCanonical(CANONICAL, live, np.ones((64, 128), bool))
    result = back.warp_disparity(slanted_plane(CANONICAL))
    assert 0.2 < back.valid.mean() < 1
    assert np.isnan(result[~back.valid]).all()
    # The outermost half pixel repeats its neighbour; cv2.remap places samples to 1/32 px.
    error = np.abs(result / slanted_plane(live) - 1)[back.valid]
    assert np.quantile(error, 0.99) < 2e-3
    assert error.max() < 0.02


def test_across_an_edge_nothing_is_invented():
    step = np.full((64, 128), 2, np.float32)
    step[:, 64:] = 20
    live = CANONICAL.scaled_to(width=500, height=250)
    result = FromCanonical(CANONICAL, live, np.ones_like(step, bool)).warp_disparity(step)
    assert set(np.unique(result)) == {2, 20}


def test_below_the_edge_ratio_values_are_interpolated():
    ramp = np.tile(np.linspace(10, 12, 128, dtype=np.float32), (64, 1))
    live = CANONICAL.scaled_to(width=512, height=256)
    result = FromCanonical(CANONICAL, live, np.ones_like(ramp, bool)).warp_disparity(ramp)
    assert len(np.unique(result[0])) > 400


def test_invalid_canonical_pixels_stay_invalid():
    valid = np.ones((64, 128), bool)
    valid[:, :10] = False
    result = FromCanonical(CANONICAL, CANONICAL, valid).warp_disparity(
        np.ones_like(valid, np.float32)
    )
    np.testing.assert_array_equal(np.isnan(result), ~valid)


def test_fit_canonical_keeps_square_pixels_inside_the_rig():
    rig = Intrinsics(fx=720, fy=700, cx=600, cy=180, width=1240, height=380)
    camera = fit_canonical(rig, width=416, height=128)
    assert camera.fx == camera.fy
    corners_x = (np.array([-0.5, 415.5]) - camera.cx) / camera.fx * rig.fx + rig.cx
    corners_y = (np.array([-0.5, 127.5]) - camera.cy) / camera.fy * rig.fy + rig.cy
    # 416 / 128 is wider than the rig: all columns are used, and rows equally from both sides.
    np.testing.assert_allclose(corners_x, [-0.5, 1239.5])
    assert corners_y[0] > -0.5
    np.testing.assert_allclose(corners_y[0] + 0.5, 379.5 - corners_y[1])
