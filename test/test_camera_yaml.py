"""Calibrations as ROS drivers keep them."""

from __future__ import annotations

import pytest

from monodepth_ros.camera_yaml import read_camera_yaml
from test.recordings import camera_yaml


def test_the_numbers_are_the_files(tmp_path):
    path = tmp_path / 'left.yaml'
    path.write_text(camera_yaml(d=[-0.3, 0.1, 0, 0, 0], model='plumb_bob', shift=15.0))
    camera = read_camera_yaml(path)
    assert (camera.width, camera.height, camera.k[0]) == (64, 48, 60)
    assert camera.d == (-0.3, 0.1, 0, 0, 0)
    assert camera.baseline_m == 0.25


@pytest.mark.parametrize(
    ('d', 'model', 'expected'),
    [
        ([0.1] * 4, None, 'equidistant'),
        ([0.1] * 4, 'fisheye', 'equidistant'),
        ([0.1] * 5, None, 'plumb_bob'),
        ([0.1] * 8, None, 'rational_polynomial'),
        ([0.1] * 4, 'plumb_bob', 'plumb_bob'),
    ],
)
def test_a_file_without_a_model_has_the_one_of_its_coefficients(tmp_path, d, model, expected):
    (tmp_path / 'left.yaml').write_text(camera_yaml(d=d, model=model))
    assert read_camera_yaml(tmp_path / 'left.yaml').distortion_model == expected


@pytest.mark.parametrize(
    ('text', 'words'),
    [
        ('', 'is no usable camera_info file'),
        ('image_width: 64\n', "it lacks 'distortion_coefficients'"),
        ('{[', 'is no usable camera_info file'),
        (camera_yaml(d=[0.1] * 3, model=None), '3 coefficients and no distortion_model'),
        (camera_yaml(focal_px=0.0), r'K\[0\] = 0 \(uncalibrated\)'),
    ],
)
def test_what_cannot_be_used_is_explained(tmp_path, text, words):
    (tmp_path / 'left.yaml').write_text(text)
    with pytest.raises(ValueError, match=words):
        read_camera_yaml(tmp_path / 'left.yaml')


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r'left\.yaml not found'):
        read_camera_yaml(tmp_path / 'left.yaml')
