"""Small stereo recordings, whole or with one thing wrong."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from monodepth_ros.bag import TYPES
from monodepth_ros.bag_writer import BagWriter, write_bag

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
    rotation: np.ndarray | None = None,
    topic: str = 'image_raw',
    images: dict[str, np.ndarray] | None = None,
    extra: Callable[[BagWriter], None] | None = None,
) -> Path:
    """
    Record `frames` pairs; grey 10 * frame (+ 5 in the right eye) tells them apart.

    images: (H, W) grey or, compressed only, (H, W, 3) RGB, by eye, instead of these.
    """
    with write_bag(path) as bag:
        if extra is not None:
            extra(bag)
        for frame in range(frames):
            for eye in eyes:
                stamp = frame * PERIOD_NS + (right_lag_ns if eye == 'right' else 0)
                header = header_of(stamp)
                level = (10 * frame + (5 if eye == 'right' else 0)) % 256
                image = (
                    np.full((HEIGHT, WIDTH), level, np.uint8) if images is None else images[eye]
                )
                _add_image(bag, f'/{eye}/{topic}', header, image, compressed, stamp)
                if with_info:
                    shift = focal_px * baseline_m if eye == 'right' else 0.0
                    focal = 0.0 if eye in uncalibrated else focal_px
                    info = camera_info(
                        header,
                        focal_px=focal,
                        shift=shift,
                        width=image.shape[1],
                        height=image.shape[0],
                    )
                    info.r = info.r if rotation is None else rotation.ravel()
                    bag.add(f'/{eye}/camera_info', info, recorded_ns=stamp)
    return path


def header_of(stamp_ns: int) -> Any:
    """A header of the left camera."""
    time = TYPES.types['builtin_interfaces/msg/Time'](*divmod(stamp_ns, 1_000_000_000))
    return TYPES.types['std_msgs/msg/Header'](time, 'left_optical_frame')


def camera_info(
    header: Any, *, focal_px: float, shift: float, width: int = WIDTH, height: int = HEIGHT
) -> Any:
    """CameraInfo without distortion, centred; shift is fx * baseline."""
    cx, cy = (width - 1) / 2, (height - 1) / 2
    k = np.array([focal_px, 0, cx, 0, focal_px, cy, 0, 0, 1.0])
    p = np.array([focal_px, 0, cx, -shift, 0, focal_px, cy, 0, 0, 0, 1.0, 0])
    roi = TYPES.types['sensor_msgs/msg/RegionOfInterest'](0, 0, 0, 0, False)
    return TYPES.types['sensor_msgs/msg/CameraInfo'](
        header, height, width, 'plumb_bob', np.zeros(5), k, np.eye(3).ravel(), p, 0, 0, roi
    )


def add_cloud(bag: BagWriter, frame_id: str, points: np.ndarray, *, stamp_ns: int = 0) -> None:
    """A cloud of (N, 3) points in m on /FRAME_ID/points."""
    kinds = TYPES.types
    header = header_of(stamp_ns)
    header.frame_id = frame_id
    fields = [kinds['sensor_msgs/msg/PointField'](n, 4 * at, 7, 1) for at, n in enumerate('xyz')]
    data = np.asarray(points, np.float32).view(np.uint8).ravel()
    count = len(points)
    cloud = kinds['sensor_msgs/msg/PointCloud2'](
        header, 1, count, fields, False, 12, 12 * count, data, True
    )
    bag.add(f'/{frame_id}/points', cloud, recorded_ns=stamp_ns)


def add_depth(
    bag: BagWriter,
    name: str,
    values: np.ndarray,
    *,
    stamp_ns: int,
    frame_id: str = 'left_optical_frame',
    focal_px: float | None = None,
) -> None:
    """
    A depth image of float32 m or uint16 mm on NAME/image_rect.

    focal_px: of the camera_info beside it, if there shall be one.
    """
    header = header_of(stamp_ns)
    header.frame_id = frame_id
    height, width = values.shape
    encoding = {'float32': '32FC1', 'uint16': '16UC1'}[values.dtype.name]
    step = width * values.itemsize
    data = values.view(np.uint8).ravel()
    message = TYPES.types['sensor_msgs/msg/Image'](header, height, width, encoding, 0, step, data)
    bag.add(f'{name}/image_rect', message, recorded_ns=stamp_ns)
    if focal_px is not None:
        info = camera_info(header, focal_px=focal_px, shift=0.0, width=width, height=height)
        bag.add(f'{name}/camera_info', info, recorded_ns=stamp_ns)


def _add_image(
    bag: BagWriter, name: str, header: Any, image: np.ndarray, compressed: bool, stamp: int
) -> None:
    if compressed:
        data = cv2.imencode('.png', image[..., ::-1] if image.ndim == 3 else image)[1].ravel()
        message = TYPES.types['sensor_msgs/msg/CompressedImage'](header, 'png', data)
        bag.add(f'{name}/compressed', message, recorded_ns=stamp)
    else:
        message = TYPES.types['sensor_msgs/msg/Image'](
            header, *image.shape, 'mono8', 0, image.shape[1], image.ravel()
        )
        bag.add(name, message, recorded_ns=stamp)
