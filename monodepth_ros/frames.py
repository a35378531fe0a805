"""Images with their camera, one after the other: of a recording, of files or of a video."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np

from monodepth_ros.bag import Bag, BagMessage, TYPES
from monodepth_ros.bag_cameras import CameraTopic
from monodepth_ros.core.camera import Camera
from monodepth_ros.core.encodings import decode_compressed
from monodepth_ros.messages import camera_from_info, image_pixels, NS_PER_S

IMAGE_SUFFIXES = ('.jpg', '.jpeg', '.png')
# rviz's configuration in config/ shows this frame.
FRAME_ID = 'camera_optical_frame'
# Of a folder of images, which says nothing of time.
FOLDER_RATE_HZ = 10.0


class Frame(NamedTuple):
    """One image, (H, W, 3) RGB or (H, W) grey uint8, its camera, header and recording time."""

    image: np.ndarray
    camera: Camera
    header: Any
    recorded_ns: int


def bag_frames(
    bag: Bag,
    topic: CameraTopic,
    *,
    camera: Camera | None,
    also: Callable[[BagMessage], None] | None,
    skipped: Callable[[str], None],
) -> Iterator[Frame]:
    """
    The frames of a camera in a recording, each with the calibration that holds at it.

    camera: holds throughout, instead of camera_info. also: is given every message of the
    recording, undecoded but for the camera's. skipped: is told why a frame or calibration is left
    out.
    """
    used = (topic.image,) if camera else (topic.image, topic.info)
    live: Camera | None = topic.camera
    for message in bag.messages(*(bag.topics if also else used), skipped=skipped, decoded=used):
        if also:
            also(message)
        if message.content is None:
            continue
        try:
            if message.topic == topic.info:
                live = None
                described = camera_from_info(message.content)
                live = described.as_rectified() if topic.rectified else described
            elif live is None:
                skipped(f'{message.topic} at {message.recorded_ns}: no valid camera_info')
            else:
                image = image_pixels(message.content)
                yield Frame(image, live, message.content.header, message.recorded_ns)
        except ValueError as error:
            skipped(f'{message.topic} at {message.recorded_ns}: {error}')


def file_frames(path: Path, camera: Camera) -> Iterator[Frame]:
    """
    The frames of an image, of a folder of them in the order of their names, or of a video.

    Time begins at 0. Raises ValueError for what holds no image, or ends unreadably.
    """
    pixels = _folder(path) if path.is_dir() else _file(path)
    for number, (seconds, image) in enumerate(pixels):
        stamp = TYPES.types['builtin_interfaces/msg/Time']
        ns = round(seconds * NS_PER_S)
        header = TYPES.types['std_msgs/msg/Header'](stamp(*divmod(ns, NS_PER_S)), FRAME_ID)
        yield Frame(image, camera, header, ns)


def count_files(path: Path) -> int:
    """How many frames file_frames gives; 0 where a video does not say."""
    if path.is_dir():
        return len(_images(path))
    if path.suffix.lower() in IMAGE_SUFFIXES:
        return 1
    return max(0, int(cv2.VideoCapture(str(path)).get(cv2.CAP_PROP_FRAME_COUNT)))


def _images(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.suffix.lower() in IMAGE_SUFFIXES)


def _folder(folder: Path) -> Iterator[tuple[float, np.ndarray]]:
    paths = _images(folder)
    if not paths:
        raise ValueError(f'{folder} holds no image ({", ".join(IMAGE_SUFFIXES)}) and no recording')
    for number, path in enumerate(paths):
        yield number / FOLDER_RATE_HZ, _read(path)


def _file(path: Path) -> Iterator[tuple[float, np.ndarray]]:
    if path.suffix.lower() in IMAGE_SUFFIXES:
        yield 0.0, _read(path)
        return
    video = cv2.VideoCapture(str(path))
    rate_hz = video.get(cv2.CAP_PROP_FPS)
    number = 0
    while True:
        there, bgr = video.read()
        if not there:
            break
        yield number / rate_hz, cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB)
        number += 1
    if not number:
        raise ValueError(
            f'{path} is no recording, image or video that OpenCV opens; expected a rosbag2, '
            f'{", ".join(IMAGE_SUFFIXES)}, a folder of them, or a video'
        )


def _read(path: Path) -> np.ndarray:
    try:
        return decode_compressed(path.read_bytes(), keep_grey=True)
    except ValueError as error:
        raise ValueError(f'{path}: {error}') from error
