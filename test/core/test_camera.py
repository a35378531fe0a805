"""Intrinsics and cameras."""

from __future__ import annotations

from dataclasses import replace
import math

import numpy as np
import pytest

from monodepth_ros.core.camera import (
    Camera,
    camera_of_images,
    Intrinsics,
    is_rectified_topic,
    stereo_baseline_m,
    StereoCalibration,
)

K = (100.0, 0.0, 49.5, 0.0, 100.0, 39.5, 0.0, 0.0, 1.0)
P_RIGHT = (100.0, 0.0, 49.5, -50.0, 0.0, 100.0, 39.5, 0.0, 0.0, 0.0, 1.0, 0.0)


def test_scaling_keeps_the_half_pixel():
    # The centre of a 100 px row is at 49.5; of its half, 50 px, at 24.5: not at 24.75.
    half = Intrinsics(100, 100, 49.5, 39.5, 100, 80).scaled_to(width=50, height=40)
    assert half == Intrinsics(50, 50, 24.5, 19.5, 50, 40)


def test_a_ray_by_hand_and_back_to_its_pixel():
    camera = Intrinsics(100, 50, 49.5, 39.5, 100, 80)
    u, v = np.array([49.5, 99.5, -0.5]), np.array([39.5, 79.5, 19.5])
    x, y = camera.to_rays(u, v)
    np.testing.assert_array_equal(x, [0, 0.5, -0.5])
    np.testing.assert_array_equal(y, [0, 0.8, -0.4])
    np.testing.assert_array_equal(camera.to_pixels(x, y), [u, v])


def test_cropping_moves_the_principal_point():
    cropped = Intrinsics(100, 100, 49.5, 39.5, 100, 80).cropped(
        left=10, top=5, width=60, height=40
    )
    assert cropped == Intrinsics(100, 100, 39.5, 34.5, 60, 40)


def test_right_camera_info_holds_the_baseline_times_the_focal_length():
    assert Camera(100, 80, K, p=P_RIGHT).offset_m == 0.5


def test_an_empty_p_means_k_and_an_empty_r_means_identity():
    camera = Camera(100, 80, K, r=(0.0,) * 9)
    assert camera.rectified == Intrinsics(100, 100, 49.5, 39.5, 100, 80)
    assert camera.rotation.tolist() == [[1, 0, 0], [0, 1, 0], [0, 0, 1]]
    assert camera.offset_m == 0


def test_as_rectified_drops_distortion_and_rotation():
    turned = (0.0, -1.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0)
    rectified = Camera(100, 80, K, d=(0.1,) * 5, r=turned, p=P_RIGHT).as_rectified()
    assert rectified.d == ()
    assert rectified.rotation.trace() == 3
    assert rectified.offset_m == 0.5
    # The header of a rectified image names the raw camera's frame.
    np.testing.assert_array_equal(rectified.rectified_from_frame, np.reshape(turned, (3, 3)))


def test_the_lens_of_rectified_images_does_not_matter():
    numbers = {'width': 100, 'height': 80, 'k': K, 'p': P_RIGHT, 'd': (0.1,)}
    camera = camera_of_images(rectified=True, distortion_model='of our own', **numbers)
    assert (camera.intrinsics, camera.d) == (camera.rectified, ())
    with pytest.raises(ValueError, match='of our own'):
        camera_of_images(rectified=False, distortion_model='of our own', **numbers)


@pytest.mark.parametrize(
    ('topic', 'rectified'),
    [
        ('/left/image_rect', True),
        ('/left/image_rect_color/compressed', True),
        ('/camera/infra1/image_rect_raw', True),
        ('/left/image_raw', False),
        ('/rectifier/image', False),
    ],
)
def test_a_topic_says_whether_its_images_are_rectified(topic, rectified):
    assert is_rectified_topic(topic) == rectified


def _camera(p0, p3):
    return Camera(100, 80, K, p=(p0, 0, 49.5, p3, 0, p0, 39.5, 0, 0, 0, 1, 0))


def test_the_baseline_is_between_both_cameras():
    # KITTI's colour pair: (44.9 + 339.5) / 721.5.
    assert stereo_baseline_m(_camera(721.5, 44.9), _camera(721.5, -339.5)) == pytest.approx(
        0.53278, abs=1e-5
    )
    assert stereo_baseline_m(_camera(700, -300), _camera(700, -300)) == 0
    # Each by its own focal length.
    assert stereo_baseline_m(_camera(100, 10), _camera(200, -40)) == pytest.approx(0.3)


@pytest.mark.parametrize('baseline_m', [0.005, 0.12, 5.0])
def test_a_baseline_of_a_rig_is_taken(baseline_m):
    assert StereoCalibration(Camera(100, 80, K).rectified, baseline_m).baseline_m == baseline_m


@pytest.mark.parametrize(
    ('baseline_m', 'slip'),
    [
        (120, r'expected 0\.005 to 5 m: is it in mm\? That would be 0\.12 m'),
        (0, r'both cameras have the same P\[3\]'),
        (-0.5, 'swapped, or the sign'),
        (0.001, r'-fx \* baseline in px \* m'),
        (1e6, r'-fx \* baseline in px \* m'),
    ],
)
def test_another_is_named_with_the_likely_slip(baseline_m, slip):
    with pytest.raises(ValueError, match=slip):
        StereoCalibration(Camera(100, 80, K).rectified, baseline_m)


@pytest.mark.parametrize(
    ('changes', 'words'),
    [
        ({'k': (0.0,) * 9}, 'uncalibrated'),
        ({'k': (math.nan, *K[1:])}, 'NaN'),
        ({'d': (math.inf,) * 5}, 'infinity'),
        ({'p': (1.0,) * 9}, 'P has 9 numbers, not 12'),
        ({'width': 0}, 'expected pixels'),
        ({'r': (-1.0, 0, 0, 0, 1, 0, 0, 0, 1)}, 'R is no rotation .* determinant -1'),
        ({'r': (1.0, 0, 0, 0, 1.01, 0, 0, 0, 1)}, 'R is no rotation'),
    ],
)
def test_a_camera_that_cannot_be_is_refused(changes, words):
    with pytest.raises(ValueError, match=words):
        Camera(**{'width': 100, 'height': 80, 'k': K} | changes)


UNEQUAL = Intrinsics(fx=1, fy=2, cx=3, cy=4, width=5, height=6)


def test_the_matrix_of_intrinsics_by_hand_and_back():
    assert UNEQUAL.matrix().tolist() == [[1, 0, 3], [0, 2, 4], [0, 0, 1]]
    assert Intrinsics.from_matrix(UNEQUAL.matrix(), width=5, height=6) == UNEQUAL
    assert Camera.pinhole(UNEQUAL).intrinsics == UNEQUAL


def test_each_axis_is_scaled_and_cropped_by_itself():
    # The first pixel's outer edge, -0.5, stays one: (3 + 0.5) * 2 - 0.5, (4 + 0.5) * 3 - 0.5.
    assert UNEQUAL.scaled_to(width=10, height=18) == Intrinsics(2, 6, 6.5, 13, 10, 18)
    assert UNEQUAL.cropped(left=1, top=2, width=3, height=2) == Intrinsics(1, 2, 2, 2, 3, 2)


@pytest.mark.parametrize('name', ['fx', 'fy', 'cx', 'cy'])
def test_intrinsics_are_finite(name):
    for value in (math.nan, math.inf):
        with pytest.raises(ValueError, match='expected finite numbers'):
            replace(UNEQUAL, **{name: value})


@pytest.mark.parametrize('name', ['fx', 'fy', 'width', 'height'])
def test_focal_lengths_and_sizes_are_positive(name):
    for value in (0, -1):
        with pytest.raises(ValueError, match='expected'):
            replace(UNEQUAL, **{name: value})
    assert getattr(replace(UNEQUAL, **{name: 1}), name) == 1


def test_the_rectified_image_is_that_of_p_where_there_is_one():
    p = (90.0, 0.0, 48.0, 0.0, 0.0, 91.0, 38.0, 0.0, 0.0, 0.0, 1.0, 0.0)
    camera = Camera(100, 80, K, p=p)
    assert camera.rectified == Intrinsics(90, 91, 48, 38, 100, 80)
    assert camera.intrinsics == Intrinsics(100, 100, 49.5, 39.5, 100, 80)


def test_a_raw_image_has_the_axes_of_its_frame():
    turned = (0.0, -1.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0)
    raw = Camera(100, 80, K, r=turned)
    np.testing.assert_array_equal(raw.rectified_from_frame, np.reshape(turned, (3, 3)))


def test_the_lens_model_is_kept_by_its_one_name():
    d = (0.1, 0.0, 0.0, 0.0)
    fisheye = Camera(100, 80, K, d=d, distortion_model='fisheye')
    assert (fisheye.distortion_model, fisheye.d) == ('equidistant', d)
    assert Camera(100, 80, K, d=(0.0,) * 5).d == ()


@pytest.mark.parametrize('shape', [(80, 100), (80, 100, 3)])
def test_an_image_has_the_size_of_its_camera(shape):
    camera = Camera(100, 80, K)
    camera.check_image(shape)
    for other in ((100, 80), (81, 100), (80, 101)):
        with pytest.raises(ValueError, match=f'got an image of {other[1]} x {other[0]}, expected'):
            camera.check_image((*other, *shape[2:]))


def test_a_rotation_that_shrinks_is_none():
    with pytest.raises(ValueError, match='R is no rotation'):
        Camera(100, 80, K, r=(0.99, 0, 0, 0, 0.99, 0, 0, 0, 0.99))
