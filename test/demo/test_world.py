"""The two recordings of the procedural world."""

from __future__ import annotations

import numpy as np

from demo.world import (
    Drive,
    LEFT_CAMERA,
    LIVE_CAMERA,
    look,
    RIGHT_CAMERA,
    TRAINING_DRIVE,
    UNSEEN_DRIVE,
    write_live_recording,
    write_rig_recording,
)
from monodepth_ros.core.bit_depth import BitDepth
from monodepth_ros.core.camera import Camera
from monodepth_ros.core.canonical import ImageWarp
from monodepth_ros.messages.decode import image_rgb
from monodepth_ros.storage.bag import Bag
from monodepth_ros.storage.bag_cameras import camera_topics, find_stereo


def _depth_histogram(drive):
    """Fractions of log depth in ten bins, through one small camera, over the whole drive."""
    camera = Camera.pinhole(LEFT_CAMERA.rectified.scaled_to(width=64, height=24))
    depths = np.stack([look(frame, camera).depth_m for frame in drive.frames()[:: drive.steps]])
    in_range = depths[(depths > 0.5) & (depths < 80)]
    counts, _ = np.histogram(np.log(in_range), bins=10, range=(np.log(0.5), np.log(80)))
    return counts / counts.sum()


def test_unseen_scenes_have_the_depths_of_the_training_scenes():
    difference = np.abs(_depth_histogram(TRAINING_DRIVE) - _depth_histogram(UNSEEN_DRIVE))
    assert difference.sum() / 2 < 0.1  # total variation: 0 is equal, 1 has nothing in common


def test_the_scenes_are_not_the_same():
    views = [look(drive.frames()[0], LIVE_CAMERA).rgb for drive in (TRAINING_DRIVE, UNSEEN_DRIVE)]
    assert (views[0] != views[1]).mean() > 0.5


def test_the_live_camera_is_another_one():
    rig, live = LEFT_CAMERA.rectified, LIVE_CAMERA.rectified
    assert abs(live.fx / rig.fx - 1) > 0.2
    assert abs(live.width / live.height / (rig.width / rig.height) - 1) > 0.4
    assert LIVE_CAMERA.d != LEFT_CAMERA.d


def test_all_rectified_pixels_are_seen():
    for camera, target in (
        (LEFT_CAMERA, LEFT_CAMERA),
        (RIGHT_CAMERA, LEFT_CAMERA),
        (LIVE_CAMERA, LIVE_CAMERA),
    ):
        assert ImageWarp(camera, target.rectified).valid.all()


def test_recordings_hold_the_rig_and_the_single_camera(tmp_path):
    drive = Drive(seed=9, scenes=1, steps=2)
    prior, camera = write_rig_recording(tmp_path / 'rig', drive)
    assert prior.shape == (camera.height, camera.width)
    with Bag(tmp_path / 'rig') as bag:
        left, right = find_stereo(bag)
        assert (left.camera, right.camera) == (LEFT_CAMERA, RIGHT_CAMERA)
        first, second = bag.messages(left.image)
        assert second.recorded_ns - first.recorded_ns == 100_000_000
    write_live_recording(tmp_path / 'live', drive)
    with Bag(tmp_path / 'live') as bag:
        (live,) = camera_topics(bag)
        assert live.camera == LIVE_CAMERA
        message = next(bag.messages(live.image))
        assert image_rgb(message.content, BitDepth()).shape == (384, 512, 3)
