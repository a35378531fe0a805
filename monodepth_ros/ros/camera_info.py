"""The calibration of one camera, from a file or from camera_info that may come rarely."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from rclpy.callback_groups import MutuallyExclusiveCallbackGroup
from rclpy.node import Node
from rclpy.qos import QoSProfile
from rclpy.subscription import Subscription
from sensor_msgs.msg import CameraInfo

from monodepth_ros.core.camera import Camera, is_rectified_topic
from monodepth_ros.messages import decode
from monodepth_ros.messages.decode import stamp_ns
from monodepth_ros.pipeline.steady_camera import SteadyCamera, WINDOW_S
from monodepth_ros.ros.qos import best_effort, is_latched, latched
from monodepth_ros.storage.camera_yaml import read_camera_yaml

# Changes within WINDOW_S: another resolution or a restarted driver causes fewer.
UNSTEADY_CHANGES = 4


class Calibration(Protocol):
    """
    The calibration of one camera.

    camera: the last valid one, else None.
    problem: why there is none, and what to do.
    remarks: other problems of its source.
    topic: topic of camera_info; None for a file.
    """

    topic: str | None

    @property
    def camera(self) -> Camera | None: ...

    @property
    def problem(self) -> str: ...

    @property
    def remarks(self) -> list[str]: ...

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

    topic: str | None = None
    problem = ''

    def __init__(self, path: str, *, rectified: bool) -> None:
        self.remarks: list[str] = []
        self.camera = read_camera_yaml(path, rectified=rectified)

    def ask_for_latched(self) -> None:
        """Do nothing: the file was read at construction."""

    def close(self) -> None:
        """Do nothing: no resource is held."""


class CameraInfoTopic:
    """
    The calibration in a topic's camera_info, from drivers that repeat it or latch it.

    node: the node.
    topic: relative name of the topic.
    rectified: the images are rectified already.
    heard: called with the stamp in ns of each camera_info, except latched ones.
    fault: why the last camera_info is not valid.
    """

    def __init__(
        self,
        node: Node,
        topic: str,
        *,
        rectified: bool,
        heard: Callable[[int], None] = lambda _: None,
    ) -> None:
        self.topic = node.resolve_topic_name(topic)
        self._name = topic
        self.fault: str | None = None
        self._steady = SteadyCamera()
        self._node = node
        self._rectified = rectified
        self._heard = heard
        # The node's default group never forgets subscriptions, even destroyed ones.
        self._group = MutuallyExclusiveCallbackGroup()
        self._subscriptions = [self._listen(self._on_repeated, best_effort())]

    def ask_for_latched(self) -> None:
        """Subscribe also with latched QoS, for camera_info that was published once, earlier."""
        if len(self._subscriptions) > 1:
            return
        # A driver that does not latch would log that this subscription's QoS is incompatible.
        if is_latched(self._node, self.topic):
            self._subscriptions.append(self._listen(self._on_camera_info, latched()))

    def close(self) -> None:
        """Stop listening."""
        for subscription in self._subscriptions:
            self._node.destroy_subscription(subscription)

    @property
    def camera(self) -> Camera | None:
        """Return the calibration in use, see SteadyCamera; None without a valid one."""
        return self._steady.camera

    @property
    def problem(self) -> str:
        """Return why there is no calibration, and what to do."""
        return self.fault or (
            f'no camera_info on {self.topic} yet, expected the calibration, which metric depth '
            f'needs; publish it there, or name its topic with `-r {self._name}:=...`'
        )

    @property
    def remarks(self) -> list[str]:
        """Return a warning if the calibration changes often."""
        changes = self._steady.changes
        if changes < UNSTEADY_CHANGES:
            return []
        publishers = self._node.count_publishers(self.topic)
        remedy = (
            'let only the driver of the images publish there'
            if publishers > 1
            else 'let its driver keep one calibration, without autofocus or zoom'
        )
        return [
            f'{self.topic} changed {changes} times in the last {WINDOW_S:.0f} s, expected one '
            f'calibration; publishers now: {publishers}; {remedy}'
        ]

    def _listen(self, callback: Callable[[CameraInfo], None], qos: QoSProfile) -> Subscription:
        return self._node.create_subscription(
            CameraInfo, self.topic, callback, qos, callback_group=self._group
        )

    def _on_repeated(self, msg: CameraInfo) -> None:
        # If a driver latches, the other subscription receives the same message again.
        self._heard(stamp_ns(msg.header))
        self._on_camera_info(msg)

    def _on_camera_info(self, msg: CameraInfo) -> None:
        try:
            self._steady.take(decode.camera_from_info(msg, rectified=self._rectified))
            self.fault = None
        except ValueError as error:
            self.fault = f'{self.topic}: {error}'
            self._steady.lose()
