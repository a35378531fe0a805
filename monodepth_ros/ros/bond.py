"""The bond by which Nav2's lifecycle manager knows that a node lives; imports bondpy."""

from __future__ import annotations

from contextlib import suppress

from bondpy.bondpy import Bond
from rclpy.impl.implementation_singleton import rclpy_implementation
from rclpy.node import Node

# As Nav2's own nodes have it.
TOPIC, HEARTBEAT_PERIOD_S = 'bond', 0.1
# Nor do Nav2's nodes give up: the manager's heartbeats to all of them share one queue of one.
HEARTBEAT_TIMEOUT_S = 1e6


class ManagerBond(Bond):
    """Offered under the node's name from now on, until it is broken."""

    def __init__(self, node: Node) -> None:
        super().__init__(node, TOPIC, node.get_name())
        self.heartbeat_period, self.heartbeat_timeout = HEARTBEAT_PERIOD_S, HEARTBEAT_TIMEOUT_S
        self.start()

    def close(self) -> None:
        """Tell the manager that it is broken, and free what bondpy leaves to the node."""
        self.shutdown()
        self.node.destroy_subscription(self.sub)
        self.node.destroy_publisher(self.pub)

    def _publish(self, active: bool) -> None:
        # A signal shuts rclpy down at any time, while a thread of bondpy publishes.
        with suppress(rclpy_implementation.RCLError):
            super()._publish(active)
