"""How far two calibrations are apart, by changes whose effect is known."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
import math

import cv2
import numpy as np
import pytest

from monodepth_ros.core.camera import Camera
from monodepth_ros.core.camera_shift import shift_px

# Rays through the corners of the rectified image are 0.5, 0.25 and 1 long; those of the raw image
# lie 60 and 30 px from its centre.
K = (120.0, 0.0, 50.0, 0.0, 120.0, 25.0, 0.0, 0.0, 1.0)
P = (100.0, 0.0, 50.0, 0.0, 0.0, 100.0, 25.0, 0.0, 0.0, 0.0, 1.0, 0.0)
CAMERA = Camera(101, 51, K, p=P)
TURN_RAD = 1e-3
TURNED = tuple(cv2.Rodrigues(np.array([0.0, 0.0, TURN_RAD]))[0].ravel().tolist())


def _with(values, **changes):
    return tuple(changes.get(f'_{at}', value) for at, value in enumerate(values))


@pytest.mark.parametrize(
    ('other', 'expected_px'),
    [
        (CAMERA, 0.0),
        (replace(CAMERA, k=_with(K, _2=50.3, _5=25.4)), 0.5),
        # 1 % of 60 px.
        (replace(CAMERA, k=_with(K, _0=121.2)), 0.6),
        # 1 % of 50 px.
        (replace(CAMERA, p=_with(P, _0=101.0)), 0.5),
        # A baseline 2 mm longer moves what is 1 m away.
        (replace(CAMERA, p=_with(P, _3=-0.2)), 0.2),
        # At a radius of 0.3125 ** 0.5: k1 r^3 * 120 px.
        (replace(CAMERA, d=(0.01, 0.0, 0.0, 0.0)), 0.01 * 0.3125**1.5 * 120),
        (replace(CAMERA, r=TURNED), TURN_RAD * math.hypot(60, 30)),
        # The raw image has none of it; clouds are turned, at P's focal length.
        (replace(CAMERA, frame_r=TURNED), TURN_RAD * math.hypot(50, 25)),
        (replace(CAMERA, width=102), math.inf),
    ],
)
def test_every_number_of_a_calibration_counts_by_what_it_moves(other, expected_px):
    assert shift_px(CAMERA, other) == pytest.approx(expected_px, abs=2e-4)


def test_a_zoom_that_p_follows_is_seen_though_the_raw_image_falls_on_the_rectified_as_before():
    zoomed = replace(CAMERA, k=_with(K, _0=121.2, _4=121.2), p=_with(P, _0=101.0, _5=101.0))
    assert shift_px(CAMERA, zoomed) == pytest.approx(0.01 * math.hypot(60, 30), abs=2e-4)


def test_lens_models_are_compared_by_what_they_do():
    fisheye = replace(CAMERA, d=(0.01, 0.0, 0.0, 0.0), distortion_model='equidistant')
    # At the corner its radius is the angle, by a little longer, not the tangent.
    tangent = 0.3125**0.5
    angle = math.atan(tangent)
    expected_px = 120 * (tangent - angle - 0.01 * angle**3)
    assert shift_px(CAMERA, fisheye) == pytest.approx(expected_px, abs=2e-4)
    rational = replace(CAMERA, d=(0.0,) * 8, distortion_model='rational_polynomial')
    assert shift_px(CAMERA, rational) == 0


def _folding(k1):
    """Return CAMERA with a lens that folds at a radius of (-3 k1) ** -0.5."""
    return replace(CAMERA, d=(k1, 0.0, 0.0, 0.0))


def test_a_corner_at_the_fold_of_a_lens_does_not_jump():
    at_corner, step = -1 / (3 * 0.3125), 1e-4
    lenses = [_folding(at_corner + step * n) for n in range(-20, 21)]
    # A step of k1 moves no ray by more than r^3 * 120 px.
    for one, other in pairwise(lenses):
        assert shift_px(one, other) <= 1.01 * step * 0.3125**1.5 * 120


def test_a_lens_that_folds_before_all_rays_but_the_centres_is_another():
    # Its corners count as rays at the fold, at two thirds of its radius.
    fold = 0.1
    expected_px = 120 * (0.3125**0.5 - fold * 2 / 3)
    assert shift_px(CAMERA, _folding(-1 / (3 * fold**2))) == pytest.approx(expected_px, abs=0.01)
