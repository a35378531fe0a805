"""The messages of predictions whose camera changes."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from monodepth_ros.core.camera import Camera, Intrinsics
from monodepth_ros.inference.load import load_backend
from monodepth_ros.messages.topics import POINTS
from monodepth_ros.parameters import OutputParams
from monodepth_ros.pipeline.outputs import OutputMaker
from monodepth_ros.pipeline.predictor import Predictor
from monodepth_ros.storage.bag import CLASSES
from test.helpers.recordings import header_of
from test.helpers.tiny_model import CAMERA, red_image

TRAINED = Camera.pinhole(CAMERA)
# Of one size: nothing but the numbers tells them apart.
MOVED = Camera.pinhole(replace(CAMERA, cx=CAMERA.cx + 8, fx=CAMERA.fx * 1.25))
QUARTER = tuple(cv2.Rodrigues(np.array([0.0, 0.0, np.pi / 2]))[0].ravel().tolist())
TURNED = replace(TRAINED, frame_r=QUARTER)


@pytest.fixture
def cloud_of(red_disparity_model):
    """(h, w, 3) points of a wall 5 m ahead, seen by a camera; one maker for all."""
    predictor = Predictor(load_backend(red_disparity_model))
    maker = OutputMaker(CLASSES, OutputParams(points_stride=1, points_drop_flying=False))

    def made(camera):
        image = red_image(51, width=camera.width, height=camera.height)
        cloud = maker.message(POINTS, header_of(0), predictor.predict(image, camera))
        points = np.frombuffer(cloud.data, np.float32)
        return points.reshape(cloud.height, cloud.width, -1)[..., :3]

    return made


def _expected(camera: Intrinsics, v, u):
    return [(u - camera.cx) / camera.fx * 5, (v - camera.cy) / camera.fy * 5, 5]


def test_the_cloud_is_that_of_the_camera_of_its_frame(cloud_of):
    for camera in (TRAINED, MOVED, TRAINED):
        point = cloud_of(camera)[20, 60]
        np.testing.assert_allclose(point, _expected(camera.rectified, 20, 60), rtol=1e-4)


def test_a_frame_that_is_turned_turns_the_cloud(cloud_of):
    x, y, z = _expected(TRAINED.rectified, 20, 60)
    np.testing.assert_allclose(cloud_of(TRAINED)[20, 60], [x, y, z], rtol=1e-4)
    # R is a quarter turn about the optical axis: its transpose brings (x, y) to (y, -x).
    np.testing.assert_allclose(cloud_of(TURNED)[20, 60], [y, -x, z], rtol=1e-4)
