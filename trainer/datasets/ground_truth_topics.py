"""Ground truths in a recording for a camera: lidar scans and depth images, as depth maps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from monodepth_ros.core.camera import Intrinsics
from monodepth_ros.messages.decode import depth_m_from_image
from monodepth_ros.storage.bag import Bag, BagError
from monodepth_ros.storage.bag_cameras import camera_topics, CameraTopic
from trainer.datasets.depth_map import DepthMap
from trainer.datasets.lidar_topics import (
    frame_id_of,
    lidar_depth_m,
    lidar_topics,
    static_transforms,
)

# A function from a message of the ground truth to depth. Its arguments are the message, the
# image's frame_id, the camera, and the window of the rectified camera that scans are projected to;
# depth images keep their own.
ReadGroundTruth = Callable[[Any, str, CameraTopic, Intrinsics], DepthMap | None]


class GroundTruthTopic(NamedTuple):
    """
    A topic with a ground truth.

    topic: name of the topic.
    label: name of the ground truth, for messages.
    read: convert a message to depth; raise ValueError for a damaged message.
    """

    topic: str
    label: str
    read: ReadGroundTruth


def ground_truth_topics(bag: Bag, camera: CameraTopic) -> list[str]:
    """Return the clouds that /tf_static connects with the camera, then the depth images."""
    return [*lidar_topics(bag, camera, static_transforms(bag)), *bag.depth_topics]


def open_ground_truth(bag: Bag, camera: CameraTopic, topic: str) -> GroundTruthTopic:
    """Open one of ground_truth_topics; raise BagError for depth that is in another frame."""
    if topic in bag.depth_topics:
        return GroundTruthTopic(topic, f'{topic} (depth image)', _depth_reader(bag, camera, topic))
    return GroundTruthTopic(topic, f'{topic} (laser)', _lidar_reader(bag))


def _lidar_reader(bag: Bag) -> ReadGroundTruth:
    transforms = static_transforms(bag)

    def read(
        cloud: Any, frame_id: str, camera: CameraTopic, window: Intrinsics
    ) -> DepthMap | None:
        depth_m = lidar_depth_m(
            cloud, frame_id=frame_id, camera=camera, intrinsics=window, transforms=transforms
        )
        return None if depth_m is None else DepthMap(depth_m, window)

    return read


def _depth_reader(bag: Bag, camera: CameraTopic, topic: str) -> ReadGroundTruth:
    frames = frame_id_of(bag, topic), frame_id_of(bag, camera.image)
    if frames[0] != frames[1]:
        raise BagError(
            f'{bag.name}: depth topic {topic} is in frame {frames[0]!r}, {camera.image} in '
            f'{frames[1]!r}, expected one frame; record the depth that is aligned to the camera'
        )
    intrinsics = _depth_intrinsics(bag, camera, topic)

    def read(image: Any, *_: Any) -> DepthMap:
        depth_m = depth_m_from_image(image)
        height, width = depth_m.shape
        if (width, height) != (intrinsics.width, intrinsics.height):
            raise ValueError(
                f'the depth image is {width} x {height}, expected {intrinsics.width} x '
                f'{intrinsics.height} as its camera_info says'
            )
        return DepthMap(depth_m, intrinsics)

    return read


def _depth_intrinsics(bag: Bag, camera: CameraTopic, topic: str) -> Intrinsics:
    """Return the intrinsics of its camera_info, or those of the rectified camera if they fit."""
    for other in camera_topics(bag):
        if other.image == topic:
            return other.camera.rectified
    height, width = depth_m_from_image(bag.first(topic)).shape
    rectified = camera.camera.rectified
    if (width, height) != (rectified.width, rectified.height):
        raise BagError(
            f'{bag.name}: depth topic {topic} is {width} x {height} without a camera_info, '
            f"{camera.image} {rectified.width} x {rectified.height}; record the depth's "
            'camera_info too'
        )
    return rectified
