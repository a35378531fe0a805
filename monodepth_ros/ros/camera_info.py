"""The calibration of one camera as its driver publishes it, however seldom."""

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
from monodepth_ros.ros.qos import best_effort, latched
from monodepth_ros.storage.camera_yaml import read_camera_yaml

# In WINDOW_S: another resolution or a driver that is started anew changes it less often.
UNSTEADY_CHANGES = 4


class Calibration(Protocol):
    """
    Know the calibration of one camera.

    camera: the last valid one, None without. problem: why there is none, and what to do.
    remarks: what else is wrong with where it comes from. topic: None of a file.
    """

    topic: str | None

    @property
    def camera(self) -> Camera | None: ...

    @property
    def problem(self) -> str: ...

    @property
    def remarks(self) -> list[str]: ...

    def ask_for_latched(self) -> None:
        """To be called now and then."""

    def close(self) -> None:
        """Stop listening."""


def are_rectified(node: Node, image: str, rectified: bool) -> bool:
    """Tell whether images are rectified: by the parameter, or by their topic's resolved name."""
    return rectified or is_rectified_topic(node.resolve_topic_name(image))


class CalibrationFile:
    """Of a driver that publishes none. Raises OSError, and as read_camera_yaml."""

    topic: str | None = None
    problem = ''

    def __init__(self, path: str, *, rectified: bool) -> None:
        self.remarks: list[str] = []
        self.camera = read_camera_yaml(path, rectified=rectified)

    def ask_for_latched(self) -> None:
        """A file is there from the beginning."""

    def close(self) -> None:
        """Nothing is held."""


class CameraInfoTopic:
    """
    Follow a topic's camera_info, from drivers that repeat it and from those that latch it.

    fault: why the last one is not valid. rectified: its images are rectified already. heard: is
    told the stamp in ns of each that comes, but of latched ones.
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
        # The node's own group remembers all that was ever made in it.
        self._group = MutuallyExclusiveCallbackGroup()
        self._subscriptions = [self._listen(self._on_repeated, best_effort())]

    def ask_for_latched(self) -> None:
        """Listen as well where a camera_info was published once, before."""
        if len(self._subscriptions) > 1:
            return
        offered = self._node.get_publishers_info_by_topic(self.topic)
        # Any other driver would log that this subscription's QoS is incompatible.
        if any(p.qos_profile.durability == latched().durability for p in offered):
            self._subscriptions.append(self._listen(self._on_camera_info, latched()))

    def close(self) -> None:
        """Stop listening."""
        for subscription in self._subscriptions:
            self._node.destroy_subscription(subscription)

    @property
    def camera(self) -> Camera | None:
        """Return the one that holds, see SteadyCamera; None before, and while none is valid."""
        return self._steady.camera

    @property
    def problem(self) -> str:
        """See Calibration."""
        return self.fault or (
            f'no camera_info on {self.topic} yet, expected the calibration, which metres need; '
            f'publish it there, or name its topic with `-r {self._name}:=...`'
        )

    @property
    def remarks(self) -> list[str]:
        """See Calibration: say that it does not hold still."""
        changes = self._steady.changes
        if changes < UNSTEADY_CHANGES:
            return []
        publishers = self._node.count_publishers(self.topic)
        remedy = (
            'let only the driver of the images publish there'
            if publishers > 1
            else 'let its driver keep to one calibration, without autofocus or zoom'
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
        # Where a driver latches, the other subscription hears the same once more.
        self._heard(stamp_ns(msg.header))
        self._on_camera_info(msg)

    def _on_camera_info(self, msg: CameraInfo) -> None:
        try:
            self._steady.take(decode.camera_from_info(msg, rectified=self._rectified))
            self.fault = None
        except ValueError as error:
            self.fault = f'{self.topic}: {error}'
            self._steady.lose()
