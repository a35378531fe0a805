"""Live camera <-> canonical camera."""

from __future__ import annotations

import cv2
from hypothesis import given
from hypothesis import strategies as st
import numpy as np
import pytest

from monodepth_ros.core.camera import Camera, Intrinsics
from monodepth_ros.core.canonical import fit_canonical, ImageWarp, PredictionWarp
from monodepth_ros.core.network_view import widened

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
    warped = ImageWarp(camera, CANONICAL).warp(image)
    for u, v in ((40, 20), (64, 32), (80, 50)):
        x, _ = _live_pixel_of(camera, CANONICAL, u, v)
        # Area averaging and rounding to bytes each cost half a grey level.
        assert abs(float(warped[v, u]) - x) < 1.2


def test_a_pinhole_camera_of_the_same_numbers_is_left_alone():
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (64, 128, 3), np.uint8)
    to_canonical = ImageWarp(Camera.pinhole(CANONICAL), CANONICAL)
    np.testing.assert_array_equal(to_canonical.warp(image), image)
    assert to_canonical.valid.all()


def test_minifying_averages_instead_of_aliasing():
    # One-pixel stripes of 0 and 200, four times larger than the canonical image: all grey.
    live = CANONICAL.scaled_to(width=512, height=256)
    stripes = np.tile(np.array([0, 200], np.uint8), (256, 256))
    warped = ImageWarp(Camera.pinhole(live), CANONICAL).warp(stripes)
    assert set(np.unique(warped)) == {100}


@pytest.mark.parametrize('factor', [1.1, 1.25, 1.3, 1.4, 1.6, 2.0, 2.5, 2.6, 3.5])
def test_minifying_by_any_factor_is_nearly_an_area_average(factor):
    noise = np.random.default_rng(0).integers(0, 256, (512, 1024), np.uint8)
    size = round(1024 / factor), round(512 / factor)
    live = Intrinsics(fx=800, fy=800, cx=500, cy=270, width=1024, height=512)
    small = live.scaled_to(width=size[0], height=size[1])
    averaged = cv2.resize(noise, size, interpolation=cv2.INTER_AREA).astype(float)
    warped = ImageWarp(Camera.pinhole(live), small).warp(noise)
    assert np.std(warped - averaged) < 0.18 * np.std(averaged)


def test_a_focal_length_that_cannot_be_is_refused():
    live = Intrinsics(fx=1e6, fy=1e6, cx=160, cy=120, width=320, height=240)
    with pytest.raises(ValueError, match=r'focal lengths of 1e\+06 and 1e\+06 px, 1e\+04 times'):
        ImageWarp(Camera.pinhole(live), CANONICAL)


def test_pixels_outside_the_live_image_are_invalid():
    half = CANONICAL.cropped(left=0, top=0, width=64, height=64)
    valid = ImageWarp(Camera.pinhole(half), CANONICAL).valid
    assert valid[:, :64].all()
    assert not valid[:, 64:].any()


def test_rays_that_the_lens_cannot_have_seen_are_invalid():
    # r (1 - r^2 / 3) grows up to r = 1, that is 45 degrees.
    wide = Intrinsics(fx=50, fy=50, cx=100, cy=0, width=201, height=1)
    k = (50.0, 0, 100.0, 0, 50.0, 0.0, 0, 0, 1.0)
    valid = ImageWarp(Camera(201, 1, k, d=(-1 / 3, 0.0, 0.0, 0.0, 0.0)), wide).valid[0]
    np.testing.assert_array_equal(valid, np.abs(np.arange(201) - 100) < 50)


def test_a_cropped_map_gives_the_window_of_the_whole_one():
    live = CANONICAL.scaled_to(width=256, height=128)
    image = np.random.default_rng(0).integers(0, 256, (128, 256), np.uint8)
    whole = ImageWarp(Camera.pinhole(live), CANONICAL)
    window = whole.cropped(left=10, top=5, width=100, height=50)
    np.testing.assert_array_equal(window.warp(image), whole.warp(image)[5:55, 10:110])
    assert window.target == CANONICAL.cropped(left=10, top=5, width=100, height=50)
    assert window.valid.shape == (50, 100)


def test_another_size_than_the_camera_info_is_refused():
    with pytest.raises(ValueError, match='got an image of 10 x 20, expected 320 x 240'):
        ImageWarp(_live(), CANONICAL).warp(np.zeros((20, 10, 3), np.uint8))


def test_there_and_back_gives_the_depth_of_the_same_ray():
    live = _live().rectified

    def slanted_plane(camera):
        """Canonical disparity of the plane Z = 4 + x: linear in the ray's x."""
        x = (np.arange(camera.width) - camera.cx) / camera.fx
        row = (100 * 0.5 / 4 * (1 - x)).astype(np.float32)
        return np.tile(row, (camera.height, 1))

    back = PredictionWarp(CANONICAL, live, np.ones((64, 128), bool))
    result = back.warp_disparity(slanted_plane(CANONICAL))
    assert 0.2 < back.valid.mean() < 1
    assert np.isnan(result[~back.valid]).all()
    # The outermost half pixel repeats its neighbour; cv2.remap places samples to 1/32 px.
    error = np.abs(result / slanted_plane(live) - 1)[back.valid]
    assert np.quantile(error, 0.99) < 2e-3
    assert error.max() < 0.02


@pytest.mark.parametrize(('far', 'near', 'invented'), [(2, 20, 0), (100, 106, 0), (100, 104, 8)])
def test_across_an_edge_of_more_than_5_percent_nothing_is_invented(far, near, invented):
    step = np.full((64, 128), far, np.float32)
    step[:, 64:] = near
    # Eight pixels from the centre of column 63 to that of 64.
    live = CANONICAL.scaled_to(width=1024, height=512)
    result = PredictionWarp(CANONICAL, live, np.ones_like(step, bool)).warp_disparity(step)
    assert len(set(np.unique(result)) - {far, near}) == invented


def test_invalid_canonical_pixels_stay_invalid():
    valid = np.ones((64, 128), bool)
    valid[:, :10] = False
    result = PredictionWarp(CANONICAL, CANONICAL, valid).warp_disparity(
        np.ones_like(valid, np.float32)
    )
    np.testing.assert_array_equal(np.isnan(result), ~valid)


def test_nothing_leaks_from_invalid_pixels_into_their_neighbours():
    valid = np.ones((64, 128), bool)
    valid[:, :10] = False
    disparity_px = np.where(valid, np.float32(10), np.float32(10.3))  # less than an edge
    live = CANONICAL.scaled_to(width=512, height=256)
    result = PredictionWarp(CANONICAL, live, valid).warp_disparity(disparity_px)
    assert np.isnan(result[:, :40]).all()
    assert (result[:, 40:] == 10).all()


def test_confidence_is_interpolated_and_0_where_the_canonical_camera_does_not_see():
    # It does not begin at 0, which is what is unseen as well.
    ramp = np.tile(np.arange(64, 192, dtype=np.float32) / 256, (64, 1))
    # From 10 px left of the canonical image, at half pixels: between the ramp's values.
    live = Intrinsics(fx=100, fy=100, cx=73, cy=31.5, width=100, height=64)
    result = PredictionWarp(CANONICAL, live, np.ones_like(ramp, bool)).warp_confidence(ramp)
    assert (result[:, :9] == 0).all()
    np.testing.assert_allclose(result[:, 10:], np.tile((np.arange(90) + 64.5) / 256, (64, 1)))


coefficient = st.floats(-0.6, 0.6)
tangential = st.floats(-0.02, 0.02)
lenses = st.one_of(
    st.tuples(
        st.just('plumb_bob'),
        st.tuples(coefficient, coefficient, tangential, tangential, coefficient),
    ),
    st.tuples(
        st.just('rational_polynomial'),
        st.tuples(coefficient, coefficient, tangential, tangential, *[coefficient] * 4),
    ),
    st.tuples(st.just('equidistant'), st.tuples(*[coefficient] * 4)),
)


@st.composite
def cameras(draw):
    """Any calibration: mild and strong lenses, turned, off-centre, with P or without."""
    width, height = draw(st.integers(1, 200)), draw(st.integers(1, 200))
    # Of K, and of P over K.
    fx, fy, wider = draw(st.floats(20, 1500)), draw(st.floats(20, 1500)), draw(st.floats(0.1, 3))
    (cx, cy), (cx_p, cy_p) = (
        (draw(st.floats(-1, 2)) * width, draw(st.floats(-1, 2)) * height) for _ in range(2)
    )
    p = (wider * fx, 0.0, cx_p, 0.0, 0.0, wider * fy, cy_p, 0.0, 0.0, 0.0, 1.0, 0.0)
    turn = np.array(draw(st.tuples(*[st.floats(-0.5, 0.5)] * 3)))
    model, d = draw(lenses)
    return Camera(
        width,
        height,
        (fx, 0.0, cx, 0.0, fy, cy, 0.0, 0.0, 1.0),
        d=d,
        r=tuple(cv2.Rodrigues(turn)[0].ravel().tolist()),
        p=p if draw(st.booleans()) else (0.0,) * 12,
        distortion_model=model,
    )


@given(camera=cameras(), stride=st.sampled_from([16, 32, 64]))
def test_any_calibration_gives_whole_arrays(camera, stride):
    live = camera.rectified
    seen = ImageWarp(camera, live).valid
    assert seen.shape == (live.height, live.width)
    network = widened(CANONICAL, live, seen, stride=stride)
    to_network = ImageWarp(camera, network)
    shape = (network.height, network.width)
    assert to_network.valid.shape == shape
    warped = to_network.warp(np.full((camera.height, camera.width, 3), 200, np.uint8))
    np.testing.assert_array_equal(warped, np.full((*shape, 3), 200, np.uint8))
    back = PredictionWarp(network, live, to_network.valid)
    disparity_px = back.warp_disparity(np.full(shape, 7, np.float32))
    np.testing.assert_array_equal(disparity_px, np.where(back.valid, np.float32(7), np.nan))


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


def test_fit_canonical_of_a_taller_camera_uses_all_rows():
    rig = Intrinsics(fx=720, fy=700, cx=600, cy=180, width=1240, height=380)
    camera = fit_canonical(rig, width=128, height=128)
    corners_x = (np.array([-0.5, 127.5]) - camera.cx) / camera.fx * rig.fx + rig.cx
    corners_y = (np.array([-0.5, 127.5]) - camera.cy) / camera.fy * rig.fy + rig.cy
    np.testing.assert_allclose(corners_y, [-0.5, 379.5])
    np.testing.assert_allclose(corners_x[0] + 0.5, 1239.5 - corners_x[1])


# Neither the pixels nor the image are square.
OBLONG = Intrinsics(fx=100, fy=80, cx=63.5, cy=31.5, width=128, height=64)


def test_each_axis_has_its_own_focal_length_on_the_way_back():
    columns, rows = np.meshgrid(np.arange(128), np.arange(64))
    plane = (200 + 0.25 * columns + 0.5 * rows).astype(np.float32)
    live = OBLONG.scaled_to(width=256, height=256)
    back = PredictionWarp(OBLONG, live, np.ones_like(plane, bool))
    # Two live columns, and four live rows, a pixel; the outermost ones repeat their neighbours.
    live_columns, live_rows = np.meshgrid(np.arange(256), np.arange(256))
    expected = 200 + 0.25 * ((live_columns + 0.5) / 2 - 0.5) + 0.5 * ((live_rows + 0.5) / 4 - 0.5)
    inner = np.s_[2:-2, 1:-1]
    for result in (back.warp_disparity(plane), back.warp_confidence(plane)):
        np.testing.assert_allclose(result[inner], expected[inner], rtol=1e-6)


@pytest.mark.parametrize(('axis', 'at'), [(0, 1), (0, 3), (0, 5), (1, 1), (1, 4), (1, 7)])
def test_an_edge_lies_in_the_middle_between_two_pixels(axis, at):
    step = np.where(np.indices((6, 8))[axis] < at, 10, 20).astype(np.float32)
    expected = np.where(np.indices((96, 128))[axis] < 16 * at, 10, 20)
    small = Intrinsics(fx=10, fy=10, cx=3.5, cy=2.5, width=8, height=6)
    live = small.scaled_to(width=128, height=96)
    back = PredictionWarp(small, live, np.ones_like(step, bool))
    np.testing.assert_array_equal(back.warp_disparity(step), expected)


def test_the_canonical_camera_sees_to_the_outer_edges_of_its_pixels():
    small = Intrinsics(fx=10, fy=10, cx=3.5, cy=2.5, width=8, height=6)
    live = small.scaled_to(width=128, height=96).cropped(left=-20, top=-10, width=168, height=116)
    seen = np.zeros((116, 168), bool)
    seen[10:106, 20:148] = True
    back = PredictionWarp(small, live, np.ones((6, 8), bool))
    np.testing.assert_array_equal(back.valid, seen)
    ones = np.ones((6, 8), np.float32)
    np.testing.assert_array_equal(np.isfinite(back.warp_disparity(ones)), seen)
    np.testing.assert_array_equal(back.warp_confidence(ones), seen)


def test_the_live_camera_sees_to_the_outer_edges_of_its_pixels():
    # Its pixels lie 0.48 px beside the canonical ones, on the side of the smaller coordinates...
    live = CANONICAL.cropped(left=10.52, top=5.52, width=50, height=40)
    seen = np.zeros((64, 128), bool)
    # ... so its first pixel, from 10.02 on, does not reach the centre at 10; its last one, up to
    # 60.02, reaches that at 60.
    seen[6:46, 11:61] = True
    np.testing.assert_array_equal(ImageWarp(Camera.pinhole(live), CANONICAL).valid, seen)


def test_a_pixel_that_the_live_camera_sees_in_part_is_invalid():
    fine = CANONICAL.scaled_to(width=256, height=128)
    live = fine.cropped(left=1, top=1, width=254, height=126)
    seen = np.zeros((64, 128), bool)
    seen[1:-1, 1:-1] = True
    np.testing.assert_array_equal(ImageWarp(Camera.pinhole(live), CANONICAL).valid, seen)


@pytest.mark.parametrize(('fx', 'fy', 'along'), [(25, 100, 1), (100, 25, 0)])
def test_minifying_along_one_axis_averages_there(fx, fy, along):
    canonical = Intrinsics(fx=fx, fy=fy, cx=63.5, cy=31.5, width=128, height=64)
    size = [64, 128]
    size[along] *= 4
    live = canonical.scaled_to(width=size[1], height=size[0])
    assert max(live.fx, live.fy) == 100
    # One in four lines is white, none of those that the middle of a pixel lies between.
    stripes = 200 * (np.indices(size)[along] % 4 == 3).astype(np.uint8)
    warped = ImageWarp(Camera.pinhole(live), canonical).warp(stripes)
    assert set(np.unique(warped)) == {50}
