"""Intrinsics and cameras."""

from __future__ import annotations

import math

import pytest

from monodepth_ros.core.camera import Camera, Intrinsics

K = (100.0, 0.0, 49.5, 0.0, 100.0, 39.5, 0.0, 0.0, 1.0)
P_RIGHT = (100.0, 0.0, 49.5, -50.0, 0.0, 100.0, 39.5, 0.0, 0.0, 0.0, 1.0, 0.0)


def test_scaling_keeps_the_half_pixel():
    # The centre of a 100 px row is at 49.5; of its half, 50 px, at 24.5: not at 24.75.
    half = Intrinsics(100, 100, 49.5, 39.5, 100, 80).scaled_to(width=50, height=40)
    assert half == Intrinsics(50, 50, 24.5, 19.5, 50, 40)


def test_cropping_moves_the_principal_point():
    cropped = Intrinsics(100, 100, 49.5, 39.5, 100, 80).cropped(
        left=10, top=5, width=60, height=40
    )
    assert cropped == Intrinsics(100, 100, 39.5, 34.5, 60, 40)


def test_right_camera_info_holds_the_baseline_times_the_focal_length():
    assert Camera(100, 80, K, p=P_RIGHT).baseline_m == 0.5


def test_an_empty_p_means_k_and_an_empty_r_means_identity():
    camera = Camera(100, 80, K, r=(0.0,) * 9)
    assert camera.rectified == Intrinsics(100, 100, 49.5, 39.5, 100, 80)
    assert camera.rotation.tolist() == [[1, 0, 0], [0, 1, 0], [0, 0, 1]]
    assert camera.baseline_m == 0


def test_as_rectified_drops_distortion_and_rotation():
    turned = (0.0, -1.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0)
    rectified = Camera(100, 80, K, d=(0.1,) * 5, r=turned, p=P_RIGHT).as_rectified()
    assert rectified.d == ()
    assert rectified.rotation.trace() == 3
    assert rectified.baseline_m == 0.5


@pytest.mark.parametrize(
    ('changes', 'words'),
    [
        ({'k': (0.0,) * 9}, 'uncalibrated'),
        ({'k': (math.nan, *K[1:])}, 'NaN'),
        ({'d': (math.inf,) * 5}, 'infinity'),
        ({'p': (1.0,) * 9}, 'P has 9 numbers, not 12'),
        ({'width': 0}, 'expected pixels'),
    ],
)
def test_a_camera_that_cannot_be_is_refused(changes, words):
    with pytest.raises(ValueError, match=words):
        Camera(**{'width': 100, 'height': 80, 'k': K} | changes)
