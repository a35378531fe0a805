"""
True depth out of every camera: the proof of the canonical camera.

One room, seen by cameras that the model was not trained as. The network is an Oracle, which reads
the depth off the image that it is given: what comes out is right only if the way in, the unit of
disparity and the way back are. Pictures state depth to 0.4 %, well below the bar, so the oracle
need not be told which camera it looks through. Runs without torch, ONNX and ROS.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
import itertools
import math

import cv2
import numpy as np
import pytest

from bench.cameras import six_cameras
from monodepth_ros.core.camera import Camera, Intrinsics
from monodepth_ros.core.choices import OUTPUT_SIZES
from monodepth_ros.pipeline.predictor import Prediction, Predictor
from test.helpers.scene import Oracle, picture, seen, stated_depth, true_depth

TRAINED = Intrinsics(fx=360, fy=360, cx=322.5, cy=90.5, width=640, height=192)
CAMERAS = six_cameras(TRAINED)
MOST_ERROR, MIN_FRACTION = 0.01, 0.99
# Neighbours of an edge lie on both of its sides: their true depths differ by more than a slope's.
EDGE_RATIO = 1.3


def _wide_view(camera: Camera) -> Camera:
    """The camera rectified as with alpha = 1: all that it sees, and black corners."""
    focal_px, cx, cy = 0.6 * camera.k[0], camera.k[2] + 5, camera.k[5] - 3
    return replace(camera, p=(focal_px, 0.0, cx, 0.0, 0.0, focal_px, cy, 0.0, 0.0, 0.0, 1.0, 0.0))


OTHERS = {
    'trained': Camera.pinhole(TRAINED),
    'fisheye, all of it': _wide_view(CAMERAS['fisheye']),
    '4:3, all of it': _wide_view(CAMERAS['4:3']),
    'fisheye, rectified': CAMERAS['fisheye'].as_rectified(),
    'off-centre, rectified': CAMERAS['off-centre'].as_rectified(),
}
ALL = CAMERAS | OTHERS


@cache
def _picture(name: str) -> np.ndarray:
    return picture(ALL[name])


def _predicted(name: str, output_size: str = 'full') -> Prediction:
    predictor = Predictor(Oracle(TRAINED).backend(), output_size=output_size)
    return predictor.predict(_picture(name), ALL[name])


def _interior(name: str, prediction: Prediction) -> np.ndarray:
    """(H, W) bool: two pixels, of the coarsest camera on the way, from any edge or border."""
    ways = (prediction.camera.fx, TRAINED.fx, ALL[name].k[0])
    reach = math.ceil(2 * prediction.camera.fx / min(ways))
    around = np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)
    true_m = true_depth(prediction.camera)
    smooth = cv2.dilate(true_m, around) < EDGE_RATIO * cv2.erode(true_m, around)
    return smooth & _eroded(np.isfinite(prediction.depth_m), around)


def _eroded(valid: np.ndarray, around: np.ndarray) -> np.ndarray:
    """Without what is near the image's border or near invalid pixels."""
    options = {'borderType': cv2.BORDER_CONSTANT, 'borderValue': 0}
    return cv2.erode(valid.astype(np.uint8), around, **options).astype(bool)


@pytest.mark.parametrize(
    ('name', 'output_size'),
    [*itertools.product(CAMERAS, OUTPUT_SIZES), *itertools.product(OTHERS, ['full'])],
)
def test_true_depth_comes_out_of_every_camera(name, output_size):
    prediction = _predicted(name, output_size)
    interior = _interior(name, prediction)
    # Most pixels are interior: the bar is not reached by leaving out.
    assert interior.sum() > 0.7 * np.isfinite(prediction.depth_m).sum()
    assert _fraction_right(prediction.depth_m, prediction.camera, interior) >= MIN_FRACTION


@pytest.mark.parametrize('output_size', ['full', 'half'])
@pytest.mark.parametrize('name', CAMERAS)
def test_the_colours_of_every_pixel_state_its_depth(name, output_size):
    prediction = _predicted(name, output_size)
    stated_m, interior = stated_depth(prediction.color), _interior(name, prediction)
    assert _fraction_right(stated_m, prediction.camera, interior) >= MIN_FRACTION


def _fraction_right(depth_m: np.ndarray, camera: Intrinsics, where: np.ndarray) -> float:
    return np.mean(np.abs(depth_m / true_depth(camera) - 1)[where] < MOST_ERROR)


@pytest.mark.parametrize('name', ALL)
def test_depth_is_where_both_cameras_see_and_nowhere_else(name):
    depth_m, live = _predicted(name).depth_m, seen(ALL[name])
    # One pixel of the coarser camera from where either view ends.
    rectified = ALL[name].rectified
    reach = math.ceil(rectified.fx / min(TRAINED.fx, ALL[name].k[0]))
    around = np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)
    both = _eroded(live & _trained_sees(rectified), around)
    assert both.any()
    assert np.isfinite(depth_m[both]).all()
    assert np.isnan(depth_m[_eroded(~live, around)]).all()


def _trained_sees(camera: Intrinsics) -> np.ndarray:
    """(H, W) bool: pixels whose rays lie in the canonical image."""
    u = (np.arange(camera.width) - camera.cx) / camera.fx * TRAINED.fx + TRAINED.cx
    v = (np.arange(camera.height) - camera.cy) / camera.fy * TRAINED.fy + TRAINED.cy
    inside_u, inside_v = (abs(at + 0.5 - n / 2) < n / 2 for at, n in ((u, 640), (v, 192)))
    return inside_v[:, None] & inside_u


def test_a_view_of_more_rows_is_used_as_far_as_the_network_was_trained():
    # 480 x 640 px of the trained pixels' size, 192 rows of which the network knows.
    valid = np.isfinite(_predicted('portrait').depth_m)
    assert valid.all(axis=1).sum() == 192
    assert valid.any(axis=1).sum() == 192


def test_a_narrower_view_leaves_a_border_that_is_invalid():
    # Half the trained view either way, centred: 320 x 96 of the network's 640 x 192 pixels.
    valid = np.isfinite(_predicted('tele', 'network').depth_m)
    rows, columns = slice(43, 139), slice(163, 483)
    assert valid[rows, columns].all()
    assert valid.sum() == 96 * 320
