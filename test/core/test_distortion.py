"""Lens models against OpenCV's projections, and where they stop."""

from __future__ import annotations

from dataclasses import replace
import math

import cv2
import numpy as np
import pytest

from monodepth_ros.core.camera import Camera, Intrinsics
from monodepth_ros.core.distortion import (
    _radius_limit,
    OUTSIDE_PX,
    radius_limit,
    raw_from_rays,
    raw_from_rectified,
)

K = (200.0, 0, 160.0, 0, 201.0, 118.0, 0, 0, 1.0)
RECTIFIED = Intrinsics(fx=150, fy=150, cx=150, cy=120, width=300, height=240)
MODELS = {
    'plumb_bob': (-0.3, 0.1, 0.001, -0.002, -0.02),
    'rational_polynomial': (0.4, -0.2, 0.001, -0.002, 0.01, 0.7, -0.1, 0.02),
    'equidistant': (-0.02, 0.01, -0.003, 0.001),
}


def _camera(model, d, rotation=None):
    rotation = np.eye(3) if rotation is None else rotation
    return Camera(320, 240, K, d=d, r=tuple(rotation.ravel()), distortion_model=model)


def _projected(camera, ray):
    """Where OpenCV puts a ray of the raw camera."""
    fisheye = camera.distortion_model == 'equidistant'
    project = cv2.fisheye.projectPoints if fisheye else cv2.projectPoints
    k, zeros = np.reshape(camera.k, (3, 3)), np.zeros((3, 1))
    return project(np.reshape(ray, (1, 1, 3)), zeros, zeros, k, np.array(camera.d))[0].ravel()


@pytest.mark.parametrize('model', MODELS)
def test_every_model_is_opencvs(model):
    rotation = cv2.Rodrigues(np.array([0.02, -0.03, 0.01]))[0]
    camera = _camera(model, MODELS[model], rotation)
    raw_u, raw_v = raw_from_rectified(camera, RECTIFIED)
    for u, v in ((150, 120), (90, 200), (240, 60)):
        ray = np.array([(u - 150) / 150, (v - 120) / 150, 1])
        expected = _projected(camera, rotation.T @ ray)
        np.testing.assert_allclose((raw_u[v, u], raw_v[v, u]), expected, atol=1e-3)


def test_beyond_the_largest_image_radius_there_is_no_image():
    # r (1 - r^2 / 3) grows up to r = 1; r / (1 + r^2) too; theta (1 - theta^2 / 3) up to 1 rad.
    folding = _camera('plumb_bob', (-1 / 3, 0.0, 0.0, 0.0, 0.0))
    assert radius_limit(folding) == pytest.approx(1, abs=2e-3)
    rational = _camera('rational_polynomial', (0.0,) * 5 + (1.0, 0.0, 0.0))
    assert radius_limit(rational) == pytest.approx(1, abs=2e-3)
    # theta (1 - theta^8 / 9) too: each of the four coefficients counts.
    for power, place in ((2, 0), (4, 1), (6, 2), (8, 3)):
        d = [0.0] * 4
        d[place] = -1 / (power + 1)
        limit = radius_limit(_camera('equidistant', tuple(d)))
        assert limit == pytest.approx(math.tan(1), abs=2e-3)
    assert radius_limit(_camera('plumb_bob', ())) == math.inf
    # 1 - r^2 / 4 vanishes at r = 2: a pole.
    pole = _camera('rational_polynomial', (0.0,) * 5 + (-0.25, 0.0, 0.0))
    assert radius_limit(pole) == pytest.approx(2, abs=2e-3)


def test_the_limit_of_a_lens_is_computed_once_for_all_its_cameras():
    lens = (-0.31, 0.11, 0.0, 0.0, 0.0)
    before = _radius_limit.cache_info().misses
    assert radius_limit(_camera('plumb_bob', lens)) == radius_limit(
        replace(_camera('plumb_bob', lens), k=(210.0, *K[1:]))
    )
    assert _radius_limit.cache_info().misses == before + 1


@pytest.mark.parametrize('model', MODELS)
def test_rays_fall_where_the_maps_say(model):
    camera = _camera(model, MODELS[model], cv2.Rodrigues(np.array([0.02, -0.03, 0.01]))[0])
    u, v = np.array([150, 90, 240]), np.array([120, 200, 60])
    x, y = RECTIFIED.to_rays(u, v)
    expected = [coordinates[v, u] for coordinates in raw_from_rectified(camera, RECTIFIED)]
    np.testing.assert_allclose(
        raw_from_rays(camera, np.stack([x, y, np.ones(3)])), expected, atol=1e-3
    )


def test_rays_beyond_it_are_placed_outside():
    camera = _camera('plumb_bob', (-1 / 3, 0.0, 0.0, 0.0, 0.0))
    wide = Intrinsics(fx=50, fy=50, cx=100, cy=0, width=201, height=1)
    raw_u, raw_v = raw_from_rectified(camera, wide)
    radius = np.abs(np.arange(201) - 100) / 50
    outside = radius >= radius_limit(camera)
    np.testing.assert_array_equal(raw_u[0] == OUTSIDE_PX, outside)
    np.testing.assert_array_equal(raw_v[0] == OUTSIDE_PX, outside)


@pytest.mark.parametrize(
    ('place', 'power', 'under'),
    [(0, 2, False), (1, 4, False), (4, 6, False), (5, 2, True), (6, 4, True), (7, 6, True)],
)
def test_each_radial_coefficient_of_the_pinhole_models_counts(place, power, under):
    # With c = 1 / ((n + 1) 0.5^n), r (1 - c r^n) grows up to r = 0.5, as does r / (1 + c r^n) with
    # n - 1 instead of n + 1.
    d = [0.0] * 8
    d[place] = (1 / (power - 1) if under else -1 / (power + 1)) / 0.5**power
    assert radius_limit(_camera('rational_polynomial', tuple(d))) == pytest.approx(0.5, abs=2e-3)


@pytest.mark.parametrize(
    ('fold_rad', 'expected'), [(0.3, math.tan(0.3)), (1.4, math.tan(1.4)), (1.6, math.inf)]
)
def test_a_fisheye_folds_anywhere_up_to_90_degrees(fold_rad, expected):
    # theta (1 - theta^2 / (3 a^2)) grows up to theta = a.
    fisheye = _camera('equidistant', (-1 / (3 * fold_rad**2), 0.0, 0.0, 0.0))
    assert radius_limit(fisheye) == pytest.approx(expected, rel=1e-2)


def test_the_limit_is_an_angle_from_the_raw_cameras_axis():
    rotation = cv2.Rodrigues(np.array([0.2, -0.5, 0.3]))[0]
    camera = _camera('plumb_bob', (-1 / 3, 0.0, 0.0, 0.0, 0.0), rotation)
    wide = Intrinsics(fx=50, fy=70, cx=90, cy=110, width=200, height=240)
    raw_u, _ = raw_from_rectified(camera, wide)
    v, u = np.mgrid[:240, :200]
    rays = np.stack([(u - 90) / 50, (v - 110) / 70, np.ones(u.shape)], axis=-1)
    cosine = (rays @ rotation)[..., 2] / np.linalg.norm(rays, axis=-1)
    # The limit is 45 degrees, to one of its steps.
    clear = np.abs(cosine - math.sqrt(0.5)) > 1e-3
    np.testing.assert_array_equal((raw_u == OUTSIDE_PX)[clear], (cosine < math.sqrt(0.5))[clear])
