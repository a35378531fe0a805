"""Small stereo recordings, whole or with one thing wrong."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from monodepth_ros.bag import BagWriter, TYPES, write_bag

WIDTH, HEIGHT = 64, 48
FOCAL_PX, BASELINE_M = 60.0, 0.25
PERIOD_NS = 100_000_000


def write_stereo_bag(
    path: Path,
    *,
    frames: int = 5,
    eyes: tuple[str, ...] = ('left', 'right'),
    with_info: bool = True,
    focal_px: float = FOCAL_PX,
    baseline_m: float = BASELINE_M,
    compressed: bool = True,
    right_lag_ns: int = 0,
    uncalibrated: tuple[str, ...] = (),
    extra: Callable[[BagWriter], None] | None = None,
) -> Path:
    """Record `frames` pairs; grey 10 * frame (+ 5 in the right eye) tells them apart."""
    with write_bag(path) as bag:
        if extra is not None:
            extra(bag)
        for frame in range(frames):
            for eye in eyes:
                stamp = frame * PERIOD_NS + (right_lag_ns if eye == 'right' else 0)
                header = header_of(stamp)
                level = (10 * frame + (5 if eye == 'right' else 0)) % 256
                _add_image(bag, f'/{eye}', header, level, compressed, stamp)
                if with_info:
                    shift = focal_px * baseline_m if eye == 'right' else 0.0
                    focal = 0.0 if eye in uncalibrated else focal_px
                    info = camera_info(header, focal_px=focal, shift=shift)
                    bag.add(f'/{eye}/camera_info', info, recorded_ns=stamp)
    return path


def header_of(stamp_ns: int) -> Any:
    """A header of the left camera."""
    time = TYPES.types['builtin_interfaces/msg/Time'](*divmod(stamp_ns, 1_000_000_000))
    return TYPES.types['std_msgs/msg/Header'](time, 'left_optical_frame')


def camera_info(header: Any, *, focal_px: float, shift: float) -> Any:
    """CameraInfo without distortion; shift is fx * baseline."""
    k = np.array([focal_px, 0, 31.5, 0, focal_px, 23.5, 0, 0, 1.0])
    p = np.array([focal_px, 0, 31.5, -shift, 0, focal_px, 23.5, 0, 0, 0, 1.0, 0])
    roi = TYPES.types['sensor_msgs/msg/RegionOfInterest'](0, 0, 0, 0, False)
    return TYPES.types['sensor_msgs/msg/CameraInfo'](
        header, HEIGHT, WIDTH, 'plumb_bob', np.zeros(5), k, np.eye(3).ravel(), p, 0, 0, roi
    )


def _add_image(
    bag: BagWriter, name: str, header: Any, level: int, compressed: bool, stamp: int
) -> None:
    image = np.full((HEIGHT, WIDTH), level, np.uint8)
    if compressed:
        data = cv2.imencode('.png', image)[1].ravel()
        message = TYPES.types['sensor_msgs/msg/CompressedImage'](header, 'png', data)
        bag.add(f'{name}/image_raw/compressed', message, recorded_ns=stamp)
    else:
        message = TYPES.types['sensor_msgs/msg/Image'](
            header, HEIGHT, WIDTH, 'mono8', 0, WIDTH, image.ravel()
        )
        bag.add(f'{name}/image_raw', message, recorded_ns=stamp)
