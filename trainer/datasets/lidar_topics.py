"""The lidar of a recording: its topic, its mounting, and its scans in the rectified camera."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from monodepth_ros.core.camera import Intrinsics
from monodepth_ros.storage.bag import Bag
from monodepth_ros.storage.bag_cameras import CameraTopic
from trainer.datasets.lidar import cloud_xyz, project_points, StaticTransforms

CLOUD_TYPE = 'sensor_msgs/msg/PointCloud2'
TF_STATIC, TF_TYPE = '/tf_static', 'tf2_msgs/msg/TFMessage'


def static_transforms(bag: Bag) -> StaticTransforms:
    """Return all transforms of the recording's /tf_static."""
    topics = [topic for topic in bag.topics_of_type(TF_TYPE) if topic == TF_STATIC]
    messages = bag.messages(*topics, skipped=lambda _: None)
    return StaticTransforms(t for message in messages for t in message.content.transforms)


def frame_id_of(bag: Bag, topic: str) -> str:
    """Return the frame_id of a topic's first message; empty without a message."""
    first = bag.first(topic)
    return '' if first is None else str(first.header.frame_id)


def lidar_topics(bag: Bag, camera: CameraTopic, transforms: StaticTransforms) -> Iterator[str]:
    """Yield the cloud topics that /tf_static connects with the camera; print the others."""
    frame_id = frame_id_of(bag, camera.image)
    for topic in bag.topics_of_type(CLOUD_TYPE):
        if not bag.message_count(topic):
            continue
        cloud_frame = frame_id_of(bag, topic)
        if transforms.between(frame_id, cloud_frame) is not None:
            yield topic
        else:
            print(
                f'{topic} is left out: {TF_STATIC} does not connect {cloud_frame} with {frame_id}'
            )


def lidar_depth_m(
    cloud: Any,
    *,
    frame_id: str,
    camera: CameraTopic,
    intrinsics: Intrinsics,
    transforms: StaticTransforms,
) -> np.ndarray | None:
    """
    Project a PointCloud2 to a depth image in a window of the rectified camera.

    cloud: the PointCloud2.
    frame_id: frame_id of the camera's images.
    camera: the camera.
    intrinsics: the window, of size (H, W).
    transforms: the transforms of the recording.
    Returns (H, W) float32 metres, NaN where no point falls; None if the frames are not connected.
    """
    frame_from_cloud = transforms.between(frame_id, cloud.header.frame_id)
    if frame_from_cloud is None:
        return None
    rectified_from_frame = np.eye(4)
    rectified_from_frame[:3, :3] = camera.camera.rectified_from_frame
    return project_points(
        cloud_xyz(cloud),
        rectified_from_cloud=rectified_from_frame @ frame_from_cloud,
        intrinsics=intrinsics,
    )
