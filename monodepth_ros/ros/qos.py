"""Quality of service of images, and what to say where two ends do not match."""

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
# `qos_overrides./topic.subscription.reliability` and the like.
POLICIES = (
    QoSPolicyKind.HISTORY,
    QoSPolicyKind.DEPTH,
    QoSPolicyKind.RELIABILITY,
    QoSPolicyKind.DURABILITY,
)
OVERRIDABLE = QoSOverridingOptions(POLICIES)


# Functions, because rclpy writes what a user overrides into the profile that it is given.
def best_effort(depth: int = 1) -> QoSProfile:
    """Receives from reliable and best-effort publishers alike."""
    return QoSProfile(
        history=HistoryPolicy.KEEP_LAST, depth=depth, reliability=ReliabilityPolicy.BEST_EFFORT
    )


def reliable() -> QoSProfile:
    """
    Received by both kinds of subscribers.

    DDS finds out that a message got lost when the next one comes: with a depth of 1 it has been
    replaced by then, and cannot be sent again. A cloud takes megabytes, so there are no more.
    """
    return QoSProfile(
        history=HistoryPolicy.KEEP_LAST, depth=2, reliability=ReliabilityPolicy.RELIABLE
    )


def latched() -> QoSProfile:
    """Receives what was published once, before."""
    return QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)


def with_events(create: Callable[..., T], events: object) -> T:
    """What create(event_callbacks=events) makes; without them where the RMW has no such events."""
    try:
        return create(event_callbacks=events)
    except UnsupportedEventTypeError:
        return create()


def subscription_events(node: Node, topic: str) -> SubscriptionEventCallbacks:
    """Log who begins and ends to publish, and whose quality of service does not fit."""
    return _events(SubscriptionEventCallbacks, node, topic, 'subscription', 'publisher')


def publisher_events(node: Node, topic: str) -> PublisherEventCallbacks:
    """Log who begins and ends to listen, and whose quality of service does not fit."""
    return _events(PublisherEventCallbacks, node, topic, 'publisher', 'subscriber')


def _events(kind: type, node: Node, topic: str, ours: str, theirs: str) -> Any:
    log, name = node.get_logger(), node.resolve_topic_name(topic)

    def incompatible(event: Any) -> None:
        kind = QoSPolicyKind(event.last_policy_kind)
        policy = kind.name.lower()
        here = f', or here with `-p qos_overrides.{name}.{ours}.{policy}:=...`'
        log.warning(
            f'a {theirs} of {name} has an incompatible {policy} and gets nothing across; change '
            f'it there{here if kind in POLICIES else ""}'
        )

    def matched(event: Any) -> None:
        change = 'came' if event.current_count_change > 0 else 'went'
        log.info(f'{name}: a {theirs} {change}, {event.current_count} now')

    callbacks = {'incompatible_qos': incompatible, 'matched': matched}
    known = inspect.signature(kind).parameters  # Humble has no `matched`
    return kind(**{name: callbacks[name] for name in callbacks.keys() & known.keys()})
