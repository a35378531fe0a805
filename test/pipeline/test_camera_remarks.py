"""What a user is told of a calibration by which depth is computed all the same."""

from __future__ import annotations

from dataclasses import replace
import math

import cv2
import numpy as np
import pytest

from monodepth_ros.core.camera import Camera
from monodepth_ros.pipeline.camera_remarks import (
    calibration_faults,
    calibration_remarks,
    rotation_deg,
)

K = (100.0, 0.0, 49.5, 0.0, 100.0, 39.5, 0.0, 0.0, 1.0)
P = (90.0, 0.0, 49.5, 0.0, 0.0, 90.0, 39.5, 0.0, 0.0, 0.0, 1.0, 0.0)
CAMERA = Camera(100, 80, K, p=P)


def _turned(angle_deg):
    axis = np.array([0.6, 0.0, 0.8]) * math.radians(angle_deg)
    return replace(CAMERA, r=tuple(cv2.Rodrigues(axis)[0].ravel().tolist()))


def test_nothing_is_said_of_a_good_calibration():
    assert calibration_remarks(CAMERA) == calibration_remarks(CAMERA.as_rectified()) == []


def test_a_p_of_zeros_is_said_of_rectified_images_only():
    without_p = replace(CAMERA, p=(0.0,) * 12)
    assert calibration_remarks(without_p) == []
    (remark,) = calibration_remarks(without_p.as_rectified())
    assert 'P is all zero: K is used instead' in remark


def test_k_and_p_are_held_against_the_size_once():
    (fault,) = calibration_faults(replace(CAMERA, width=50, height=40, p=(0.0,) * 12))
    assert 'they are those of 100 x 80 px' in fault
    of_p_alone = replace(CAMERA, p=(2000.0, *P[1:5], 2000.0, *P[6:]))
    (fault,) = calibration_faults(of_p_alone)
    assert fault.startswith('fx 2000')
    assert calibration_remarks(of_p_alone) == [fault]


def test_the_angle_of_r_is_told_where_it_moves_points():
    assert rotation_deg(_turned(0.75)) == pytest.approx(0.75)
    assert rotation_deg(_turned(0.75).as_rectified()) == pytest.approx(0.75)
    assert rotation_deg(_turned(0.04)) is None
    assert rotation_deg(CAMERA) is None
