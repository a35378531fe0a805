"""Image + camera -> metric depth."""

from __future__ import annotations

import numpy as np
import pytest

from monodepth_ros.core.camera import Camera, Intrinsics
from monodepth_ros.inference.backend import load_backend
from monodepth_ros.predictor import Predictor
from test.tiny_model import CAMERA, red_image


@pytest.fixture
def predictor(red_disparity_model):
    return Predictor(load_backend(red_disparity_model))


def test_depth_is_the_canonical_one_in_any_camera(predictor):
    # Red 51 is a disparity of 1/20 of 128 px: Z = 64 px * 0.5 m / 6.4 px = 5 m, in every camera.
    for live in (CAMERA, Intrinsics(fx=300, fy=290, cx=200, cy=140, width=400, height=300)):
        rgb = red_image(51, width=live.width, height=live.height)
        prediction = predictor.predict(rgb, Camera.pinhole(live))
        assert prediction.depth_m.shape == (live.height, live.width)
        seen = np.isfinite(prediction.depth_m)
        assert seen.any()
        np.testing.assert_allclose(prediction.depth_m[seen], 5, rtol=1e-5)
        np.testing.assert_array_equal(prediction.color_rgb, rgb)


def test_what_the_model_does_not_see_is_nan(predictor):
    # Half the focal length sees twice as far to each side as the canonical camera.
    wide = Intrinsics(fx=32, fy=64, cx=63.5, cy=31.5, width=128, height=64)
    depth_m = predictor.predict(red_image(51, width=128, height=64), Camera.pinhole(wide)).depth_m
    assert np.isfinite(depth_m[:, 32:96]).all()
    assert np.isnan(depth_m[:, :31]).all()
    assert np.isnan(depth_m[:, 97:]).all()


def test_beyond_the_models_range_is_infinite_and_no_disparity_is_invalid(predictor):
    def depth_of(red):
        image = red_image(red, width=CAMERA.width, height=CAMERA.height)
        return predictor.predict(image, Camera.pinhole(CAMERA)).depth_m[0, 0]

    assert depth_of(2) == np.inf  # 0.251 px: 127.5 m, the range is 100 m
    assert np.isnan(depth_of(0))


def test_the_maps_follow_the_camera(predictor):
    for size in (64, 128):
        camera = Camera.pinhole(CAMERA.scaled_to(width=size, height=size // 2))
        depth_m = predictor.predict(red_image(51, width=size, height=size // 2), camera).depth_m
        assert depth_m.shape == (size // 2, size)
