"""Calibrations as ROS drivers keep them."""

from __future__ import annotations

import numpy as np
import pytest

from monodepth_ros.messages.decode import camera_from_info
from monodepth_ros.storage.camera_yaml import read_camera_yaml
from test.helpers.recordings import camera_info, camera_yaml, header_of


def test_the_numbers_are_the_files(tmp_path):
    path = tmp_path / 'left.yaml'
    path.write_text(camera_yaml(d=[-0.3, 0.1, 0, 0, 0], model='plumb_bob', shift=15.0))
    camera = read_camera_yaml(path, rectified=False)
    assert (camera.width, camera.height, camera.k[0]) == (64, 48, 60)
    assert camera.d == (-0.3, 0.1, 0, 0, 0)
    assert camera.offset_m == 0.25


def test_a_file_without_a_model_is_the_topic_without_one(tmp_path):
    d = (-0.31, 0.11, 0.0004, -0.0003)
    (tmp_path / 'left.yaml').write_text(camera_yaml(d=[*d], model=None))
    camera = read_camera_yaml(tmp_path / 'left.yaml', rectified=False)
    message = camera_info(header_of(0), focal_px=60.0, shift=0.0)
    message.distortion_model, message.d = '', np.array(d)
    assert camera == camera_from_info(message, rectified=False)
    assert (camera.distortion_model, camera.d) == ('plumb_bob', d)


@pytest.mark.parametrize(
    ('text', 'words'),
    [
        ('', 'is no usable camera_info file'),
        ('image_width: 64\n', "it lacks 'image_height'"),
        ('{[', 'is no usable camera_info file'),
        (camera_yaml(d=[0.1] * 3, model=None), 'D has 3 numbers'),
        (camera_yaml(d=[0.1], model='omni'), "got distortion model 'omni', expected one of"),
        (camera_yaml(focal_px=0.0), r'K\[0\] = 0 \(uncalibrated\)'),
    ],
)
def test_what_cannot_be_used_is_explained(tmp_path, text, words):
    (tmp_path / 'left.yaml').write_text(text)
    with pytest.raises(ValueError, match=words):
        read_camera_yaml(tmp_path / 'left.yaml', rectified=False)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r'left\.yaml not found'):
        read_camera_yaml(tmp_path / 'left.yaml', rectified=False)
