"""Images with their camera, one after the other, from a recording, image files or a video."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import cached_property, partial
from pathlib import Path
import sys
from typing import Any, NamedTuple

import cv2
import numpy as np

from monodepth_ros.common.paths import existing_path
from monodepth_ros.core.bit_depth import BitDepth, first_bits
from monodepth_ros.core.camera import Camera
from monodepth_ros.messages.decode import camera_from_info, image_pixels, NS_PER_S, stamp_ns
from monodepth_ros.storage.bag import (
    Bag,
    BagError,
    BagMessage,
    is_recording,
    TopicDefinition,
    TYPES,
)
from monodepth_ros.storage.bag_cameras import (
    camera_bits,
    CameraTopic,
    find_calibrated,
    find_camera,
)
from monodepth_ros.storage.camera_yaml import read_camera_yaml
from monodepth_ros.storage.image_files import decode_file, IMAGE_SUFFIXES
from monodepth_ros.storage.image_folder import find_images, other_files

# The rviz configuration in config/ shows this frame.
FRAME_ID = 'camera_optical_frame'
# Frame rate of images in a folder, which have no stamps, and of a video that states none.
RATE_HZ = 10.0
# Reasons for leaving out a frame.
DAMAGED, UNREADABLE = 'damaged', 'unreadable'
UNCALIBRATED, UNREAD = 'without a valid camera_info', 'behind damage'
# Called with the reason for leaving out a frame, in short and in detail.
Drop = Callable[[str, str], None]
# Called with every message of a recording, not decoded.
Also = Callable[[BagMessage], None]


class StoredFrame(NamedTuple):
    """
    An image, (H, W, 3) RGB or (H, W) grey uint8, its camera, header and recording time.

    place: position of the frame in its source, for messages.
    """

    image: np.ndarray
    camera: Camera
    header: Any
    recorded_ns: int
    place: str


class BagSource:
    """
    The frames of a camera in a recording, each with the calibration at its time.

    follow_info: use the recording's camera_info, not the topic's camera for all frames.
    count: number of frames.
    remark: see CameraTopic.
    topics: all topics of the recording, each with its definition for a writer, or why there is
    none.
    """

    def __init__(self, bag: Bag, topic: CameraTopic, *, follow_info: bool) -> None:
        self.name = bag.name
        self.remark = topic.remark
        self.count = bag.message_count(topic.image)
        self._bag = bag
        self._topic = topic
        self._used = (topic.image, topic.info) if follow_info else (topic.image,)

    @cached_property
    def topics(self) -> dict[str, TopicDefinition | str]:
        """Return the topics as the class describes them; computed on first use."""
        return {name: self._bag.definition(name) for name in self._bag.topics}

    def frames(self, drop: Drop, also: Also | None = None) -> Iterator[StoredFrame]:
        """Yield the frames in recorded order."""
        bit_depth = _bit_depth(camera_bits(self._bag, self._topic.image), self._topic.image)
        for message, camera in self._with_cameras(self._decoded(drop, also)):
            place = f'{message.topic} at {message.recorded_ns}'
            if isinstance(camera, str):
                drop(UNCALIBRATED, f'{place}: {camera}')
                continue
            try:
                image = image_pixels(message.content, bit_depth)
            except ValueError as error:
                drop(UNREADABLE, f'{place}: {error}')
            else:
                yield StoredFrame(
                    image, camera, message.content.header, message.recorded_ns, place
                )

    def _with_cameras(
        self, messages: Iterator[BagMessage]
    ) -> Iterator[tuple[BagMessage, Camera | str]]:
        """Yield each image with its camera, or with what is wrong with the camera_info."""
        camera: Camera | str = self._topic.camera
        image = None
        for message in messages:
            if message.topic == self._topic.image:
                if image:
                    yield image, camera
                image = message
                continue
            # A driver may send camera_info after its image; both have the same stamp.
            if image and stamp_ns(image.content.header) < stamp_ns(message.content.header):
                yield image, camera
                image = None
            camera = self._described(message.content)
        if image:
            yield image, camera

    def _described(self, info: Any) -> Camera | str:
        try:
            return camera_from_info(info, rectified=self._topic.rectified)
        except ValueError as error:
            return str(error)

    def _decoded(self, drop: Drop, also: Also | None) -> Iterator[BagMessage]:
        """Yield the decoded messages of image and camera_info."""
        for message in self._readable(self.topics if also else self._used, drop):
            if also:
                also(message)
            if message.topic in self._used:
                try:
                    yield message._replace(content=self._bag.decode(message))
                except BagError as error:
                    if message.topic == self._topic.image:
                        drop(DAMAGED, str(error))

    def _readable(self, topics: Iterable[str], drop: Drop) -> Iterator[BagMessage]:
        """Yield messages as far as the recording can be read; drop the frames behind damage."""
        unread, damage = self.count, f'{self.name} holds less than its index says'
        try:
            for message in self._bag.raw_messages(*topics):
                unread -= message.topic == self._topic.image
                yield message
        except BagError as error:
            damage = str(error)
        for _ in range(unread):
            drop(UNREAD, damage)


class FileSource:
    """
    The frames of an image, of a folder of images or of a video; time begins at 0.

    Images of a folder come in the natural order of their names.

    count: number of frames, 0 where a video does not state it.
    remark, topics: as in BagSource, but empty.
    Raises ValueError for a folder without an image.
    """

    def __init__(self, path: Path, camera: Camera) -> None:
        self.name = str(path)
        self.remark = None
        self.topics: dict[str, TopicDefinition | str] = {}
        self._path = path
        self._camera = camera
        self._images = [path] if path.suffix.lower() in IMAGE_SUFFIXES else _images(path)
        self.count = len(self._images) or _video_length(path)

    def frames(self, drop: Drop, also: Also | None = None) -> Iterator[StoredFrame]:
        """
        Yield the frames; `also` is never called.

        Raises ValueError for a file that is no image or video.
        """
        pixels = _read(self._images, drop) if self._images else _video(self._path)
        for seconds, image, place in pixels:
            ns = round(seconds * NS_PER_S)
            stamp = TYPES.types['builtin_interfaces/msg/Time'](*divmod(ns, NS_PER_S))
            header = TYPES.types['std_msgs/msg/Header'](stamp, FRAME_ID)
            yield StoredFrame(image, self._camera, header, ns, place)


@contextmanager
def open_source(
    path: Path,
    *,
    image: str | None,
    info: str | None = None,
    calibration: Path | None,
    rectified: bool,
) -> Iterator[BagSource | FileSource]:
    """
    Yield the frames of a path, and close it afterwards.

    path: a recording, an image, a folder of images or a video.
    image: image topic of a recording with several cameras.
    info: camera_info topic of the images.
    calibration: camera_info YAML file, required for files, or used instead of a camera_info topic.
    rectified: the images are rectified already.
    Raises ValueError (BagError) and FileNotFoundError, with what to do.
    """
    path = existing_path(path, 'source', 'give a recording, an image, a folder of them or a video')
    if info and calibration:
        raise ValueError('got --info and --camera-info, expected one: a topic, or a file instead')
    if is_recording(path):
        with Bag(path) as bag:
            if calibration is None:
                topic = find_camera(bag, image, info=info, rectified=rectified)
            else:
                topic = find_calibrated(bag, calibration, image, rectified=rectified)
            yield BagSource(bag, topic, follow_info=calibration is None)
    elif calibration is None:
        raise ValueError(
            f'{path} is no recording (a rosbag2 folder with its metadata.yaml, .mcap or .db3); '
            'images and videos need --camera-info with the calibration of their camera'
        )
    elif image or info:
        raise ValueError(
            f'{path} is no recording, so it has no topic {image or info}; omit --image and --info'
        )
    else:
        yield FileSource(path, read_camera_yaml(calibration, rectified=rectified))


def _bit_depth(bits: int | None, images: str) -> BitDepth:
    """Return a BitDepth that prints its warnings, with the name of the images."""
    return BitDepth(bits, warn=lambda text: print(f'{images}: {text}', file=sys.stderr))


def _images(folder: Path) -> list[Path]:
    """Return the images of a folder in order; none for a file."""
    if not folder.is_dir():
        return []
    images = find_images(folder).files
    if not images:
        raise ValueError(
            f'{folder} holds no image ({", ".join(IMAGE_SUFFIXES)}) and is no rosbag2 folder (it '
            f'has no metadata.yaml){other_files(folder)}'
        )
    return list(images.values())


def _read(paths: list[Path], drop: Drop) -> Iterator[tuple[float, np.ndarray, str]]:
    """Yield time in s, image and name."""
    bits = first_bits(partial(decode_file, path) for path in paths)
    bit_depth = _bit_depth(bits, str(paths[0].parent))
    for number, path in enumerate(paths):
        try:
            image = decode_file(path, bit_depth, keep_grey=True)
        except ValueError as error:
            drop(UNREADABLE, str(error))
        except OSError as error:
            drop(UNREADABLE, f'{path}: {error}')
        else:
            yield number / RATE_HZ, image, str(path)


def _video_length(path: Path) -> int:
    return max(0, int(cv2.VideoCapture(str(path)).get(cv2.CAP_PROP_FRAME_COUNT)))


def _video(path: Path) -> Iterator[tuple[float, np.ndarray, str]]:
    """Yield time in s, image and name."""
    video = cv2.VideoCapture(str(path))
    rate_hz = video.get(cv2.CAP_PROP_FPS) or RATE_HZ
    number = 0
    while True:
        there, bgr = video.read()
        if not there:
            break
        yield number / rate_hz, cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), f'{path}, frame {number}'
        number += 1
    if not number:
        raise ValueError(
            f'{path} is no recording, image or video that OpenCV opens; expected a rosbag2, '
            f'{", ".join(IMAGE_SUFFIXES)}, a folder of them, or a video'
        )
