"""Census matching on pairs whose depth is known exactly."""

from __future__ import annotations

from dataclasses import replace

import cv2
from hypothesis import given, settings
from hypothesis import strategies as st
import numpy as np
import pytest

from bench.census_matching import matched_depth_m, MAX_DISPARITY_FRAC
from demo.synthetic import Box, make_scene, Pose, render, Scene, View
from demo.texture import Surface
from monodepth_ros.core.camera import Camera, Intrinsics, StereoCalibration

CALIBRATION = StereoCalibration(Intrinsics(300.0, 300.0, 239.5, 79.5, 480, 160), baseline_m=0.5)
FOCAL_BASELINE = 150.0
WIDTH, HEIGHT = 480, 160
BACKGROUND_PX, OBJECT_PX = 10, 50
THIN_PX = 16


def _texture(width: int) -> np.ndarray:
    noise = np.random.default_rng(0).normal(size=(HEIGHT, width))
    return cv2.normalize(cv2.GaussianBlur(noise, (0, 0), 1.5), None, 0, 255, cv2.NORM_MINMAX)


def _shifted(disparity_px: int) -> tuple[np.ndarray, np.ndarray]:
    wide = _texture(WIDTH + disparity_px).astype(np.uint8)
    return wide[:, :WIDTH], wide[:, disparity_px:]


def _street(scene: Scene) -> tuple[View, View]:
    camera, pose = Camera.pinhole(CALIBRATION.intrinsics), Pose(x_m=0, z_m=0, height_m=1.2)
    right = pose.moved_right(CALIBRATION.baseline_m)
    return render(scene, camera, pose), render(scene, camera, right)


@settings(max_examples=3, deadline=None)
@given(st.integers(3, int(0.28 * WIDTH)))
def test_a_shifted_texture_has_its_shift_as_disparity(disparity_px):
    depth_m = matched_depth_m(*_shifted(disparity_px), CALIBRATION)
    assert depth_m.shape == (HEIGHT, WIDTH)
    assert depth_m.dtype == np.float32
    # What the right view does not see.
    assert np.isnan(depth_m[:, : disparity_px - 1]).all()
    seen = depth_m[:, disparity_px + 8 :]
    known = np.isfinite(seen)
    assert known.mean() > 0.95
    error_px = np.abs(FOCAL_BASELINE / seen[known] - disparity_px)
    assert np.median(error_px) < 0.05
    assert np.mean(error_px > 0.5) < 0.001


@pytest.mark.parametrize('fraction', [1.1 * MAX_DISPARITY_FRAC, 1.3 * MAX_DISPARITY_FRAC])
def test_nearer_than_the_search_is_unknown(fraction):
    depth_m = matched_depth_m(*_shifted(round(fraction * WIDTH)), CALIBRATION)
    assert np.isnan(depth_m).mean() > 0.99


def test_infinity_is_unknown():
    assert np.isnan(matched_depth_m(*_shifted(0), CALIBRATION)).all()


def test_flat_grey_is_unknown():
    grey = np.full((HEIGHT, WIDTH, 3), 127, np.uint8)
    assert np.isnan(matched_depth_m(grey, grey, CALIBRATION)).all()


def test_what_a_near_object_hides_from_the_right_view_is_unknown():
    left, right = _shifted(BACKGROUND_PX)
    left, right = left.copy(), right.copy()
    start, stop = 240, 320
    thing = _texture(WIDTH).astype(np.uint8)[::-1, : stop - start]
    left[:, start:stop] = thing
    right[:, start - OBJECT_PX : stop - OBJECT_PX] = thing
    depth_m = matched_depth_m(left, right, CALIBRATION)
    hidden = depth_m[:, start - (OBJECT_PX - BACKGROUND_PX) : start]
    assert np.isnan(hidden[:, 6:-6]).all()
    on_it, behind = depth_m[:, start + 6 : stop - 6], depth_m[:, stop + 12 :]
    for part, disparity_px in ((on_it, OBJECT_PX), (behind, BACKGROUND_PX)):
        known = np.isfinite(part)
        assert known.mean() > 0.9
        assert np.abs(FOCAL_BASELINE / part[known] - disparity_px).max() < 1


def test_a_rendered_street_has_its_depth():
    left, right = _street(make_scene(np.random.default_rng(1)))
    depth_m = matched_depth_m(left.rgb, right.rgb, CALIBRATION)
    seen = np.isfinite(left.depth_m)
    known = seen & np.isfinite(depth_m)
    assert known.sum() > 0.8 * seen.sum()
    error = np.abs(depth_m[known] / left.depth_m[known] - 1)
    assert np.median(error) < 0.01
    assert np.mean(error > 0.1) < 0.03


def test_a_thin_object_at_a_fifth_of_the_width_is_found():
    distance_m = FOCAL_BASELINE / (0.2 * WIDTH)
    surface = Surface(np.full(3, 0.1), np.full(3, 0.9), 5.0, np.zeros(2))
    half_m = 0.5 * THIN_PX / CALIBRATION.intrinsics.fx * distance_m
    post = Box(0.2, distance_m + half_m, half_m, half_m, 1.4, 0.0, surface)
    scene = make_scene(np.random.default_rng(2))
    scene = replace(scene, objects=(*scene.objects, post))
    left, right = _street(scene)
    depth_m = matched_depth_m(left.rgb, right.rgb, CALIBRATION)
    on_it = np.abs(left.depth_m - distance_m) < 0.01
    assert on_it.any(axis=0).sum() == THIN_PX
    found = np.abs(depth_m[on_it] / distance_m - 1) < 0.03
    assert found.mean() > 0.6
