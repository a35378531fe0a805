"""The calibration of one camera, from a file or from camera_info that may come rarely."""

from __future__ import annotations

from typing import Protocol

from rclpy.callback_groups import MutuallyExclusiveCallbackGroup
from rclpy.node import Node
from rclpy.subscription import Subscription
from sensor_msgs.msg import CameraInfo

from monodepth_ros.core.camera import Camera, is_rectified_topic
from monodepth_ros.messages import decode
from monodepth_ros.ros.qos import best_effort, latched
from monodepth_ros.storage.camera_yaml import read_camera_yaml


class Calibration(Protocol):
    """camera: the last valid one, None without. problem: why there is none, and what to do."""

    @property
    def camera(self) -> Camera | None: ...

    @property
    def problem(self) -> str: ...

    def ask_for_latched(self) -> None:
        """Subscribe to latched camera_info if the topic has one; call it regularly."""

    def close(self) -> None:
        """Stop listening."""


def are_rectified(node: Node, image: str, rectified: bool) -> bool:
    """Return whether images are rectified, by the parameter or their topic's resolved name."""
    return rectified or is_rectified_topic(node.resolve_topic_name(image))


class CalibrationFile:
    """
    The calibration of a driver that publishes none, from a file.

    Raises ValueError and OSError as read_camera_yaml does.
    """

    problem = ''

    def __init__(self, path: str, *, rectified: bool) -> None:
        self.camera = read_camera_yaml(path, rectified=rectified)

    def ask_for_latched(self) -> None:
        """Do nothing: the file was read at construction."""

    def close(self) -> None:
        """Do nothing: no resource is held."""


class CameraInfoTopic:
    """
    The last camera_info of a topic, from drivers that repeat it and from those that latch it.

    camera: None until a valid one came, and after one that is not. fault: why the last one is not
    valid. rectified: its images are rectified already.
    """

    def __init__(self, node: Node, topic: str, *, rectified: bool) -> None:
        self.topic = node.resolve_topic_name(topic)
        self._name = topic
        self.camera: Camera | None = None
        self.fault: str | None = None
        self._node = node
        self._rectified = rectified
        # The node's default group never forgets subscriptions, even destroyed ones.
        self._group = MutuallyExclusiveCallbackGroup()
        self._subscriptions = [self._listen(best_effort())]

    def ask_for_latched(self) -> None:
        """Subscribe also with latched QoS, for camera_info that was published once, earlier."""
        if len(self._subscriptions) > 1:
            return
        offered = self._node.get_publishers_info_by_topic(self.topic)
        # A driver that does not latch would log that this subscription's QoS is incompatible.
        if any(p.qos_profile.durability == latched().durability for p in offered):
            self._subscriptions.append(self._listen(latched()))

    def close(self) -> None:
        """Stop listening."""
        for subscription in self._subscriptions:
            self._node.destroy_subscription(subscription)

    @property
    def problem(self) -> str:
        """See Calibration."""
        return self.fault or (
            f'no camera_info on {self.topic} yet, expected the calibration, which metric depth '
            f'needs; publish it there, or name its topic with `-r {self._name}:=...`'
        )

    def _listen(self, qos: object) -> Subscription:
        return self._node.create_subscription(
            CameraInfo, self.topic, self._on_camera_info, qos, callback_group=self._group
        )

    def _on_camera_info(self, msg: CameraInfo) -> None:
        try:
            self.camera = decode.camera_from_info(msg, rectified=self._rectified)
            self.fault = None
        except ValueError as error:
            self.camera, self.fault = None, f'{self.topic}: {error}'
