"""Names and counts of distortion coefficients."""

from __future__ import annotations

import pytest

from monodepth_ros.core.camera import Camera
from monodepth_ros.core.lens_model_names import lens_model

K = (100.0, 0.0, 49.5, 0.0, 100.0, 39.5, 0.0, 0.0, 1.0)
FOUR = (-0.31, 0.11, 0.0004, -0.0003)


@pytest.mark.parametrize('name', ['plumb_bob', 'rational_polynomial', 'equidistant'])
def test_known_names_stay(name):
    assert lens_model(name, FOUR) == (name, FOUR)


def test_coefficients_without_a_name_are_plumb_bob_as_ros_parser_has_it():
    assert lens_model('', FOUR) == ('plumb_bob', FOUR)
    assert lens_model('', (0.1,) * 8) == ('plumb_bob', (0.1,) * 8)


def test_fisheye_is_equidistant():
    assert lens_model('fisheye', FOUR) == lens_model('equidistant', FOUR)


@pytest.mark.parametrize('name', ['', 'equidistant', 'none', 'omnidirectional'])
@pytest.mark.parametrize('d', [(), (0.0,), (0.0,) * 4, (0.0,) * 5])
def test_zeros_are_no_distortion_whatever_the_model_is_called(name, d):
    assert lens_model(name, d) == ('plumb_bob', ())


@pytest.mark.parametrize(
    ('name', 'd', 'words'),
    [
        ('omnidirectional', (0.1,), "got distortion model 'omnidirectional', expected one of"),
        ('equidistant', (0.1,) * 5, r'D has 5 numbers, expected one of \(4,\) for equidistant'),
        ('plumb_bob', (0.1,), 'D has 1 numbers'),
        ('', (0.1,) * 3, 'D has 3 numbers'),
    ],
)
def test_what_is_unknown_is_refused_when_a_camera_is_made(name, d, words):
    with pytest.raises(ValueError, match=words):
        lens_model(name, d)
    with pytest.raises(ValueError, match=words):
        Camera(100, 80, K, d=d, distortion_model=name)
