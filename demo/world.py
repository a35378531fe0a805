"""
Two recordings of the procedural world: one of a stereo rig, one of another, single camera.

Both move at the same height and pitch, through scenes of different seeds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
import math
from multiprocessing import get_context
import os
from pathlib import Path
from typing import NamedTuple, TypeVar

import cv2
import numpy as np
from rich.progress import track

from demo.synthetic import make_scene, Pose, render, View
from monodepth_ros.core.camera import Camera, Intrinsics
from monodepth_ros.messages.decode import NS_PER_S
from monodepth_ros.storage.bag import TYPES
from monodepth_ros.storage.bag_writer import BagWriter, write_bag
from trainer.evaluate.prior import median_depth

HEIGHT_M, PITCH_RAD = 1.2, 0.06
BASELINE_M = 0.3
STEP_M = 0.6
PERIOD_NS = 100_000_000
JPEG_QUALITY = 92
TRAINING_SEED, UNSEEN_SEED = 1, 2
START_NS = 1_700_000_000_000_000_000

RIG_LEFT, RIG_RIGHT = '/rig/left', '/rig/right'
LIVE = '/camera'
TRUE_DEPTH = '/camera/true_depth/image_rect'

T = TypeVar('T')


def _rotation(x_rad: float, y_rad: float, z_rad: float) -> tuple[float, ...]:
    matrix, _ = cv2.Rodrigues(np.array([x_rad, y_rad, z_rad]))
    return tuple(matrix.ravel().tolist())


def _calibrated(
    size: tuple[int, int],
    k: tuple[float, ...],
    d: tuple[float, ...],
    r: tuple[float, ...],
    rectified: tuple[float, float, float],
    baseline_m: float = 0.0,
) -> Camera:
    focal, cx, cy = rectified
    p = (focal, 0.0, cx, -focal * baseline_m, 0.0, focal, cy, 0.0, 0.0, 0.0, 1.0, 0.0)
    fx, fy, raw_cx, raw_cy = k
    matrix = (fx, 0.0, raw_cx, 0.0, fy, raw_cy, 0.0, 0.0, 1.0)
    return Camera(*size, k=matrix, d=d, r=r, p=p)


# The raw image of each camera covers every rectified pixel (calibrations with alpha = 0).
RIG = (512, 192)
RIG_RECTIFIED = (300.0, 254.0, 88.0)
LEFT_CAMERA = _calibrated(
    RIG,
    (276.0, 275.0, 258.3, 96.4),
    (-0.21, 0.06, 0.0006, -0.0004, -0.006),
    _rotation(0.004, -0.006, 0.003),
    RIG_RECTIFIED,
)
RIGHT_CAMERA = _calibrated(
    RIG,
    (274.0, 273.5, 251.7, 93.9),
    (-0.20, 0.05, -0.0005, 0.0007, -0.004),
    _rotation(-0.005, 0.004, -0.002),
    RIG_RECTIFIED,
    BASELINE_M,
)
LIVE_CAMERA = _calibrated(
    (512, 384),
    (352.0, 351.0, 268.0, 186.0),
    (-0.28, 0.09, -0.0004, 0.0009, -0.012),
    _rotation(0.0, 0.0, 0.0),
    (372.0, 266.0, 182.0),
)


class DriveStep(NamedTuple):
    """One frame of a drive: its number in the recording, its scene and its step in the scene."""

    number: int
    seed: int
    scene: int
    step: int


@dataclass(frozen=True)
class Drive:
    """The extent of a recording: number of scenes, and of frames in each scene."""

    seed: int
    scenes: int
    steps: int

    def frames(self) -> list[DriveStep]:
        """Return all frames in order."""
        return [
            DriveStep(scene * self.steps + step, self.seed, scene, step)
            for scene in range(self.scenes)
            for step in range(self.steps)
        ]


TRAINING_DRIVE = Drive(TRAINING_SEED, scenes=100, steps=4)
UNSEEN_DRIVE = Drive(UNSEEN_SEED, scenes=20, steps=6)


def look(
    frame: DriveStep, camera: Camera, *, raised_m: float = 0.0, pitched_rad: float = 0.0
) -> View:
    """
    Render the view of a camera in a frame; P[3] gives its position along the rig.

    frame: scene and step.
    camera: the camera.
    raised_m: height above the height of the rigs.
    pitched_rad: pitch, down positive, relative to that of the rigs.
    """
    scene = make_scene(np.random.default_rng([frame.seed, frame.scene]))
    path = np.random.default_rng([frame.seed, frame.scene, 1])
    x_m, yaw = path.uniform(-0.4, 0.4), path.normal(0, 0.1)
    travelled = frame.step * STEP_M
    pose = Pose(
        x_m + travelled * math.sin(yaw),
        travelled * math.cos(yaw),
        HEIGHT_M + raised_m,
        PITCH_RAD + pitched_rad,
        yaw,
    )
    return render(scene, camera, pose.moved_right(camera.offset_m))


def write_rig_recording(path: Path, drive: Drive) -> tuple[np.ndarray, Intrinsics]:
    """
    Write the bag of the stereo rig; return a prior that ignores the image.

    The prior is the median of the true depth at each pixel, (H, W) float32 metres, NaN where
    never in range, with its camera.
    """
    depths = []
    small = _depth_camera()
    with write_bag(path) as bag:
        for frame, (left, right, depth_m) in _rendered(drive, _look_stereo, 'rig recording'):
            for name, camera, jpeg in (
                (RIG_LEFT, LEFT_CAMERA, left),
                (RIG_RIGHT, RIGHT_CAMERA, right),
            ):
                _add_camera(bag, frame, name, camera, jpeg)
            depths.append(depth_m)
    return median_depth(np.stack(depths)), small


def write_live_recording(path: Path, drive: Drive) -> None:
    """Write the bag of the single camera, with the exact depth of its rectified image."""
    with write_bag(path) as bag:
        for frame, (jpeg, depth_m) in _rendered(drive, _look_live, 'live recording'):
            header = _add_camera(bag, frame, LIVE, LIVE_CAMERA, jpeg)
            height, width = depth_m.shape
            image = _type('sensor_msgs/msg/Image')(
                header, height, width, '32FC1', 0, 4 * width, depth_m.view(np.uint8).ravel()
            )
            bag.add(TRUE_DEPTH, image, recorded_ns=_stamp_ns(frame))


def _depth_camera() -> Intrinsics:
    return LEFT_CAMERA.rectified.scaled_to(width=RIG[0] // 2, height=RIG[1] // 2)


def _look_stereo(frame: DriveStep) -> tuple[bytes, bytes, np.ndarray]:
    left, right = (_jpeg(look(frame, camera).rgb) for camera in (LEFT_CAMERA, RIGHT_CAMERA))
    return left, right, look(frame, Camera.pinhole(_depth_camera())).depth_m


def _look_live(frame: DriveStep) -> tuple[bytes, np.ndarray]:
    true = look(frame, LIVE_CAMERA.as_rectified())
    return _jpeg(look(frame, LIVE_CAMERA).rgb), true.depth_m


def _rendered(
    drive: Drive, function: Callable[[DriveStep], T], title: str
) -> Iterator[tuple[DriveStep, T]]:
    frames = drive.frames()
    # Spawn instead of fork: OpenCV and numpy may have threads, which a fork does not copy.
    with get_context('spawn').Pool(os.cpu_count(), cv2.setNumThreads, (1,)) as pool:
        results = pool.imap(function, frames, chunksize=4)
        yield from zip(frames, track(results, title, total=len(frames)), strict=True)


def _add_camera(
    bag: BagWriter, frame: DriveStep, name: str, camera: Camera, jpeg: bytes
) -> object:
    stamp = _stamp_ns(frame)
    header = _header(stamp, f'{name.strip("/").replace("/", "_")}_optical_frame')
    image = _type('sensor_msgs/msg/CompressedImage')(header, 'jpeg', np.frombuffer(jpeg, np.uint8))
    bag.add(f'{name}/image_raw/compressed', image, recorded_ns=stamp)
    bag.add(f'{name}/camera_info', _camera_info(header, camera), recorded_ns=stamp)
    return header


def _camera_info(header: object, camera: Camera) -> object:
    values = (np.array(numbers) for numbers in (camera.d, camera.k, camera.r, camera.p))
    roi = _type('sensor_msgs/msg/RegionOfInterest')(0, 0, 0, 0, False)
    size = (camera.height, camera.width)
    return _type('sensor_msgs/msg/CameraInfo')(
        header, *size, camera.distortion_model, *values, 0, 0, roi
    )


def _header(stamp_ns: int, frame_id: str) -> object:
    time = _type('builtin_interfaces/msg/Time')(*divmod(stamp_ns, NS_PER_S))
    return _type('std_msgs/msg/Header')(time, frame_id)


def _stamp_ns(frame: DriveStep) -> int:
    return START_NS + frame.number * PERIOD_NS


def _jpeg(rgb: np.ndarray) -> bytes:
    options = [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY]
    return cv2.imencode('.jpg', cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR), options)[1].tobytes()


def _type(name: str) -> type:
    return TYPES.types[name]
