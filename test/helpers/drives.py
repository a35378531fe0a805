"""Small drives of a stereo rig through the procedural world, with exact depth."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from demo.synthetic import make_scene, Pose, render
from monodepth_ros.core.camera import Camera, Intrinsics, StereoCalibration
from monodepth_ros.storage.pair_folder import PairFolderWriter

RIG = StereoCalibration(Intrinsics(fx=300, fy=300, cx=239.5, cy=119.5, width=480, height=240), 0.3)
STEP_M = 0.35


def write_drive(path: Path, *, frames: int = 8, step_m: float = STEP_M) -> Path:
    """Straight ahead by step_m a frame; with step_m = 0 the robot stands."""
    scene = make_scene(np.random.default_rng(3))
    camera = Camera.pinhole(RIG.intrinsics)
    noise = np.random.default_rng(0)
    writer = PairFolderWriter(path, RIG)
    for number in range(frames):
        pose = Pose(0, step_m * number, height_m=1.2)
        left, right = (
            render(scene, camera, view) for view in (pose, pose.moved_right(RIG.baseline_m))
        )
        noisy = [_with_noise(view.rgb, noise) for view in (left, right)]
        name = f'{number:06d}'
        writer.add(name, left_rgb=noisy[0], right_rgb=noisy[1], stamp_ns=number)
        writer.add_gt_depth(name, left.depth_m)
    return path


def _with_noise(rgb: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """What tells a resting camera from a repeated frame: 3 grey levels."""
    return np.clip(rgb + rng.normal(0, 3, rgb.shape), 0, 255).astype(np.uint8)
