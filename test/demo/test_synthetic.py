"""The procedural world is exact."""

from __future__ import annotations

import math

import numpy as np
import pytest

from demo.synthetic import Box, Cylinder, make_scene, Pose, render, Scene, Surface
from monodepth_ros.core.camera import Camera, Intrinsics

CAMERA = Camera.pinhole(Intrinsics(fx=100, fy=100, cx=50, cy=40, width=101, height=81))
GREY = Surface(np.full(3, 0.2), np.full(3, 0.8), 10.0, np.zeros(2))


def _scene(*objects):
    light = np.array([0.0, -1.0, 0.0])
    return Scene(GREY, objects, light, ambient=0.5, exposure=1.0, sky=np.ones(3))


def test_the_ground_is_where_rays_meet_it():
    view = render(_scene(), CAMERA, Pose(0, 0, height_m=2))
    # 20 px below the horizon: the ray falls 0.2 m a metre, so 2 m after 10 m.
    assert view.depth_m[60, 50] == pytest.approx(10)
    assert np.isinf(view.depth_m[:40]).all()


def test_a_wall_of_a_turned_box_and_a_cylinder_by_hand():
    box = Box(0, 12, 1, 2, 50, 0.0, GREY)
    assert render(_scene(box), CAMERA, Pose(0, 0, 2)).depth_m[40, 50] == pytest.approx(10)
    turned = Box(0, 12, 1, 2, 50, math.pi / 2, GREY)
    assert render(_scene(turned), CAMERA, Pose(0, 0, 2)).depth_m[40, 50] == pytest.approx(11)
    pillar = Cylinder(0, 12, 3, 50, GREY)
    assert render(_scene(pillar), CAMERA, Pose(0, 0, 2)).depth_m[40, 50] == pytest.approx(9)


def test_pitch_looks_down_and_yaw_to_the_right():
    down = render(_scene(), CAMERA, Pose(0, 0, 2, pitch_rad=0.2)).depth_m
    assert down[40, 50] == pytest.approx(2 / math.sin(0.2), rel=1e-5)
    pillar = Cylinder(5, 5, 0.5, 50, GREY)
    right = render(_scene(pillar), CAMERA, Pose(0, 0, 2, yaw_rad=math.pi / 4)).depth_m
    assert right[40, 50] == pytest.approx(math.hypot(5, 5) - 0.5, rel=1e-5)


def test_depth_is_that_of_the_rectified_frame_also_through_a_distorted_camera():
    wall = Box(0, 11, 50, 1, 50, 0.0, GREY)
    k, d = (100.0, 0, 50.0, 0, 100.0, 40.0, 0, 0, 1.0), (-0.2, 0.05, 0.0, 0.0, 0.0)
    tilt = (1.0, 0, 0, 0, math.cos(0.1), -math.sin(0.1), 0, math.sin(0.1), math.cos(0.1))
    camera = Camera(101, 81, k, d=d, r=tilt)
    depth_m = render(_scene(wall), camera, Pose(0, 0, 2)).depth_m
    np.testing.assert_allclose(depth_m[:40], 10, rtol=1e-5)


def test_both_views_see_the_same_surface_at_the_disparity_of_its_depth():
    wall = Box(0, 11, 50, 1, 50, 0.0, GREY)
    pose = Pose(0, 0, 2)
    left = render(_scene(wall), CAMERA, pose).rgb.astype(int)
    right = render(_scene(wall), CAMERA, pose.moved_right(0.5)).rgb.astype(int)
    # f B / Z = 100 * 0.5 / 10 = 5 px
    np.testing.assert_allclose(left[:40, 5:], right[:40, :-5], atol=1)
    assert np.abs(left[:40] - right[:40]).mean() > 3


def test_the_same_seed_makes_the_same_scene_and_another_one_another():
    first, again, other = (
        render(make_scene(np.random.default_rng(seed)), CAMERA, Pose(0, 0, 1.2)).rgb
        for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()
