"""The publishers of one camera's outputs, and which of them have subscribers."""

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
    The publishers of OUTPUTS; confidence only with has_confidence.

    node: the node.
    full_name: returns the full name of a topic.
    group: callback group of their events.
    has_confidence: the model computes confidence.
    Raises as rclpy does for an invalid name.
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
        self._publishers: dict[str, Publisher] = {}
        try:
            for topic, kind in OUTPUTS.items():
                if has_confidence or topic not in NEED_CONFIDENCE:
                    self._publishers[topic] = self._publisher(full_name(topic), kind)
        except Exception:
            self.close()
            raise

    def wanted(self) -> dict[str, Callable[[Any], None]]:
        """Return the topics that have subscribers, each with its publish function."""
        return {
            topic: publisher.publish
            for topic, publisher in self._publishers.items()
            if publisher.get_subscription_count()
        }

    @property
    def is_wanted(self) -> bool:
        """Return whether any topic has a subscriber."""
        return any(p.get_subscription_count() for p in self._publishers.values())

    def close(self) -> None:
        """Destroy the publishers."""
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
