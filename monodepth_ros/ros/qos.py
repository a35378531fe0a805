"""Quality of service of the topics, and messages about incompatible QoS."""

from __future__ import annotations

from collections.abc import Callable
import inspect
from typing import Any, TypeVar

try:
    from rclpy.event_handler import (
        PublisherEventCallbacks,
        SubscriptionEventCallbacks,
        UnsupportedEventTypeError,
    )
except ImportError:  # Humble
    from rclpy.qos_event import (
        PublisherEventCallbacks,
        SubscriptionEventCallbacks,
        UnsupportedEventTypeError,
    )
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSPolicyKind, QoSProfile, ReliabilityPolicy
from rclpy.qos_overriding_options import QoSOverridingOptions

T = TypeVar('T')
# Policies that a user may override, e.g. with `qos_overrides./topic.subscription.reliability`.
POLICIES = (
    QoSPolicyKind.HISTORY,
    QoSPolicyKind.DEPTH,
    QoSPolicyKind.RELIABILITY,
    QoSPolicyKind.DURABILITY,
)
OVERRIDABLE = QoSOverridingOptions(POLICIES)


# Functions, because rclpy writes a user's overrides into the given profile.
def best_effort(depth: int = 1) -> QoSProfile:
    """Return a profile that receives from reliable and best-effort publishers."""
    return QoSProfile(
        history=HistoryPolicy.KEEP_LAST, depth=depth, reliability=ReliabilityPolicy.BEST_EFFORT
    )


def reliable() -> QoSProfile:
    """
    Return a profile that reliable and best-effort subscribers receive from.

    DDS notices a lost message when the next one arrives: with a depth of 1 the lost message has
    been replaced by then, and cannot be sent again. The depth is not larger, because a cloud takes
    megabytes.
    """
    return QoSProfile(
        history=HistoryPolicy.KEEP_LAST, depth=2, reliability=ReliabilityPolicy.RELIABLE
    )


def latched() -> QoSProfile:
    """Return a profile that receives a message published before the subscription."""
    return QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)


def is_latched(node: Node, topic: str) -> bool:
    """Return whether a publisher of the topic (full name) latches."""
    offered = node.get_publishers_info_by_topic(topic)
    return any(p.qos_profile.durability == latched().durability for p in offered)


def with_events(create: Callable[..., T], events: object) -> T:
    """Return create(event_callbacks=events), or create() where the RMW lacks such events."""
    try:
        return create(event_callbacks=events)
    except UnsupportedEventTypeError:
        return create()


def subscription_events(node: Node, topic: str) -> SubscriptionEventCallbacks:
    """Return callbacks that log when publishers come, go, or have incompatible QoS."""
    return _events(SubscriptionEventCallbacks, node, topic, 'subscription', 'publisher')


def publisher_events(node: Node, topic: str) -> PublisherEventCallbacks:
    """Return callbacks that log when subscribers come, go, or have incompatible QoS."""
    return _events(PublisherEventCallbacks, node, topic, 'publisher', 'subscriber')


def _events(kind: type, node: Node, topic: str, ours: str, theirs: str) -> Any:
    log, name = node.get_logger(), node.resolve_topic_name(topic)

    def incompatible(event: Any) -> None:
        kind = QoSPolicyKind(event.last_policy_kind)
        policy = kind.name.lower()
        here = f', or here with `-p qos_overrides.{name}.{ours}.{policy}:=...`'
        log.warning(
            f'a {theirs} of {name} has an incompatible {policy}, so no message passes; change '
            f'it there{here if kind in POLICIES else ""}'
        )

    def matched(event: Any) -> None:
        change = 'came' if event.current_count_change > 0 else 'went'
        log.info(f'{name}: a {theirs} {change}, {event.current_count} now')

    callbacks = {'incompatible_qos': incompatible, 'matched': matched}
    known = inspect.signature(kind).parameters  # Humble has no `matched`
    return kind(**{name: callbacks[name] for name in callbacks.keys() & known.keys()})
