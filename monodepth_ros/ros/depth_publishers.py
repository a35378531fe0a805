"""The publishers of one camera's outputs, and which of them somebody listens to."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from rclpy.callback_groups import CallbackGroup
from rclpy.lifecycle import LifecycleNode
from rclpy.publisher import Publisher

from monodepth_ros.messages.topics import NEED_CONFIDENCE, OUTPUTS
from monodepth_ros.ros.qos import OVERRIDABLE, publisher_events, reliable, with_events
from monodepth_ros.ros.session import message_class


class DepthPublishers:
    """
    Publish OUTPUTS, those of confidence only with has_confidence.

    full_name: of a topic. group: of their events. Raises as rclpy does for a name that cannot be.
    """

    def __init__(
        self,
        node: LifecycleNode,
        full_name: Callable[[str], str],
        group: CallbackGroup,
        *,
        has_confidence: bool,
    ) -> None:
        self._node = node
        self._group = group
        self._publishers = {
            topic: self._publisher(full_name(topic), kind)
            for topic, kind in OUTPUTS.items()
            if has_confidence or topic not in NEED_CONFIDENCE
        }

    def wanted(self) -> dict[str, Callable[[Any], None]]:
        """Return the topics that somebody listens to, each with how to publish on it."""
        return {
            topic: publisher.publish
            for topic, publisher in self._publishers.items()
            if publisher.get_subscription_count()
        }

    @property
    def is_wanted(self) -> bool:
        """Tell if anybody listens to any."""
        return any(p.get_subscription_count() for p in self._publishers.values())

    def close(self) -> None:
        """Publish no more."""
        for publisher in self._publishers.values():
            self._node.destroy_lifecycle_publisher(publisher)
        self._publishers = {}

    def _publisher(self, topic: str, kind: str) -> Publisher:
        create = partial(
            self._node.create_lifecycle_publisher,
            message_class(kind),
            topic,
            reliable(),
            callback_group=self._group,
            qos_overriding_options=OVERRIDABLE,
        )
        return with_events(create, publisher_events(self._node, topic))
