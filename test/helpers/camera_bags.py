"""Recordings of one camera, message by message."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np

from monodepth_ros.messages.decode import stamp_ns
from monodepth_ros.messages.encode import color_image
from monodepth_ros.storage.bag import ROSBAGS_CLASSES, standard_definition, TYPES
from monodepth_ros.storage.bag_writer import write_bag
from test.helpers.recordings import camera_info, FOCAL_PX, header_of, HEIGHT, WIDTH
from test.helpers.tiny_model import red_image

IMAGE, INFO = '/camera/image_raw', '/camera/camera_info'
PERIOD_NS = 100_000_000
# Messages are recorded so much later than they are stamped.
LAG_NS = 1_000_000
# The model of tiny_model.py computes Z = 64 px * 0.5 m / (red / 1020 * 128 px) = 255 m / red.
METRE_REDS = 255


class Damaged(NamedTuple):
    """Of a message the first half of its bytes."""

    message: Any


def red_frame(number: int, red: int = 51, *, width: int = WIDTH, height: int = HEIGHT) -> Any:
    """An rgb8 Image of one red, stamped number periods after 0; red 51 is 5 m away."""
    image = red_image(red, width=width, height=height)
    return color_image(ROSBAGS_CLASSES, header_of(number * PERIOD_NS), image)


def red_png(number: int, red: int = 51) -> Any:
    """The same as a CompressedImage."""
    bgr = red_image(red, width=WIDTH, height=HEIGHT)[..., ::-1]
    kind = TYPES.types['sensor_msgs/msg/CompressedImage']
    return kind(header_of(number * PERIOD_NS), 'png', cv2.imencode('.png', bgr)[1].ravel())


def info(number: int, focal_px: float = FOCAL_PX, *, shift: float = 0.0) -> Any:
    """The CameraInfo of these images."""
    return camera_info(header_of(number * PERIOD_NS), focal_px=focal_px, shift=shift)


def write_messages(path: Path, *messages: tuple[str, Any]) -> Path:
    """A recording of messages by topic, in this order."""
    with write_bag(path) as bag:
        for topic, content in messages:
            message = content.message if isinstance(content, Damaged) else content
            data = bytes(TYPES.serialize_cdr(message, message.__msgtype__))
            bag.add_serialized(
                topic,
                standard_definition(message.__msgtype__),
                data[: len(data) // 2] if isinstance(content, Damaged) else data,
                recorded_ns=stamp_ns(message.header) + LAG_NS,
            )
    return path


def write_red_bag(path: Path, *, frames: int = 3, red: int = 51) -> Path:
    """A recording of one camera that sees one red."""
    pairs = [((INFO, info(n)), (IMAGE, red_frame(n, red))) for n in range(frames)]
    return write_messages(path, *(message for pair in pairs for message in pair))


def depth_of(red: int) -> np.float32:
    """What the tiny model sees in a red, in m."""
    return np.float32(METRE_REDS / red)


def write_video(path: Path, reds: list[int], rate_hz: float) -> Path:
    """Pictures of one red each, compressed as jpegs."""
    kind = cv2.VideoWriter.fourcc(*'MJPG')
    video = cv2.VideoWriter(str(path), kind, rate_hz, (WIDTH, HEIGHT))
    for red in reds:
        video.write(np.full((HEIGHT, WIDTH, 3), (0, 0, red), np.uint8))
    video.release()
    return path
