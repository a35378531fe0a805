"""The messages of predictions: of changing cameras, and as parameters say."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from monodepth_ros.core.camera import Camera, Intrinsics
from monodepth_ros.core.pointcloud import CloudPacker
from monodepth_ros.inference.load import load_backend
from monodepth_ros.messages.topics import CLEARING, DISPARITY, POINTS
from monodepth_ros.parameters import OutputParams
from monodepth_ros.pipeline import outputs
from monodepth_ros.pipeline.outputs import OutputEncoder
from monodepth_ros.pipeline.predictor import Predictor
from monodepth_ros.storage.bag import ROSBAGS_CLASSES
from test.helpers.recordings import header_of
from test.helpers.tiny_model import CAMERA, red_image, write_red_disparity_model

TRAINED = Camera.pinhole(CAMERA)
# Of one size: nothing but the numbers tells them apart.
MOVED = Camera.pinhole(replace(CAMERA, cx=CAMERA.cx + 8, fx=CAMERA.fx * 1.25))
QUARTER = tuple(cv2.Rodrigues(np.array([0.0, 0.0, np.pi / 2]))[0].ravel().tolist())
TURNED = replace(TRAINED, frame_r=QUARTER)


@pytest.fixture
def cloud_of(red_disparity_model):
    """(h, w, 3) points of a wall 5 m ahead, seen by a camera; one maker for all."""
    predictor = Predictor(load_backend(red_disparity_model))
    maker = OutputEncoder(ROSBAGS_CLASSES, OutputParams(points_stride=1, points_drop_flying=False))

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


def test_two_cameras_that_take_turns_have_their_rays_computed_once(cloud_of, monkeypatch):
    made = []

    def make(camera, **options):
        made.append(camera)
        return CloudPacker(camera, **options)

    monkeypatch.setattr(outputs, 'CloudPacker', make)
    for camera in (TRAINED, MOVED, TRAINED, MOVED):
        cloud_of(camera)
    assert made == [TRAINED.rectified, MOVED.rectified]


def test_a_frame_that_is_turned_turns_the_cloud(cloud_of):
    x, y, z = _expected(TRAINED.rectified, 20, 60)
    np.testing.assert_allclose(cloud_of(TRAINED)[20, 60], [x, y, z], rtol=1e-4)
    # R is a quarter turn about the optical axis: its transpose brings (x, y) to (y, -x).
    np.testing.assert_allclose(cloud_of(TURNED)[20, 60], [y, -x, z], rtol=1e-4)


OBLONG = Camera.pinhole(replace(CAMERA, fx=128.0, fy=64.0))


@pytest.fixture
def message_of(tmp_path):
    """A message of an image of one red, all of it sure (green 255) but for its right half."""
    model = write_red_disparity_model(tmp_path / 'confident.onnx', confidence=True)
    predictor = Predictor(load_backend(model))

    def made(topic, *, red=51, camera=TRAINED, **params):
        image = red_image(red, width=camera.width, height=camera.height)
        image[:, : camera.width // 2, 1] = 255
        maker = OutputEncoder(ROSBAGS_CLASSES, OutputParams(points_stride=1, **params))
        return maker.message(topic, header_of(0), predictor.predict(image, camera))

    return made


def _z(cloud):
    return np.frombuffer(cloud.data, np.float32).reshape(64, 128, -1)[..., 2]


def test_disparity_goes_with_the_focal_length_along_the_baseline(message_of):
    msg = message_of(DISPARITY, camera=OBLONG)
    assert msg.f == 128
    # DisparityImage.msg: Z = f T / d.
    disparity_px = msg.image.data.view(np.float32).reshape(64, 128)[32, 64]
    assert msg.f * msg.t / disparity_px == pytest.approx(5, rel=1e-5)
    assert (msg.f * msg.t / msg.max_disparity, msg.f * msg.t / msg.min_disparity) == (1, 100)


def test_points_have_colours_where_that_is_wanted(message_of):
    for points_color, names in ((True, ['x', 'y', 'z', 'rgb']), (False, ['x', 'y', 'z'])):
        cloud = message_of(POINTS, points_color=points_color)
        assert [field.name for field in cloud.fields] == names


@pytest.mark.parametrize(
    # Red 2 is 127.5 m, beyond the 100 m of the model.
    ('red', 'points_max_m', 'expected_m'),
    [(51, 0.0, 5.0), (51, 4.0, 4.0), (2, 0.0, 100.0), (2, 40.0, 40.0)],
)
def test_clearing_points_end_at_the_range(message_of, red, points_max_m, expected_m):
    z = _z(message_of(CLEARING, red=red, points_max_m=points_max_m))
    np.testing.assert_allclose(z[:, :64], expected_m, rtol=1e-5)
    assert np.isnan(z[:, 64:]).all(), 'what is not sure clears nothing'


def test_points_that_fly_are_left_out_where_that_is_wanted(message_of):
    # From 5 m to 1.25 m over a pixel of 2.5 m, which lies on neither.
    red = np.full(128, 51)
    red[64:], red[64] = 204, 102
    z = _z(message_of(POINTS, red=red, points_drop_flying=False))
    np.testing.assert_allclose(z[0, [60, 64, 70]], [5, 2.5, 1.25], rtol=1e-5)
    z = _z(message_of(POINTS, red=red, points_drop_flying=True))
    np.testing.assert_allclose(z[0, [60, 64, 70]], [5, np.nan, 1.25], rtol=1e-5)
