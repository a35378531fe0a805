"""The bond by which Nav2's lifecycle manager knows that a node is alive; imports bondpy."""

from __future__ import annotations

from contextlib import suppress

from bondpy.bondpy import Bond
from rclpy.impl.implementation_singleton import rclpy_implementation
from rclpy.node import Node

# The values of Nav2's own nodes.
TOPIC, HEARTBEAT_PERIOD_S = 'bond', 0.1
# Never, as in Nav2's nodes: the manager's heartbeats to all nodes share a queue of one.
HEARTBEAT_TIMEOUT_S = 1e6


class ManagerBond(Bond):
    """A bond under the node's name, from construction until close."""

    def __init__(self, node: Node) -> None:
        super().__init__(node, TOPIC, node.get_name())
        self.heartbeat_period, self.heartbeat_timeout = HEARTBEAT_PERIOD_S, HEARTBEAT_TIMEOUT_S
        self.start()

    def close(self) -> None:
        """Break the bond, and destroy what bondpy leaves to the node."""
        self.shutdown()
        self.node.destroy_subscription(self.sub)
        self.node.destroy_publisher(self.pub)

    def _publish(self, active: bool) -> None:
        # A signal may shut rclpy down while a thread of bondpy publishes.
        with suppress(rclpy_implementation.RCLError):
            super()._publish(active)
