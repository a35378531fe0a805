"""Publishing of diagnostics on /diagnostics."""

from __future__ import annotations

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from rclpy.node import Node

from monodepth_ros.pipeline.diagnosis import Diagnosis

TOPIC = '/diagnostics'


class DiagnosticsPublisher:
    """Publishes diagnostics in every state of a node's life cycle."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._publisher = node.create_publisher(DiagnosticArray, TOPIC, 1)

    def publish(self, statuses: list[DiagnosticStatus]) -> None:
        """Publish all statuses of one moment."""
        message = DiagnosticArray(status=statuses)
        message.header.stamp = self._node.get_clock().now().to_msg()
        self._publisher.publish(message)

    def status(
        self, diagnosis: Diagnosis, *, camera: str = '', hardware_id: str = ''
    ) -> DiagnosticStatus:
        """Return the status of one camera of the node, or of a node that has no cameras yet."""
        node = self._node.get_fully_qualified_name().lstrip('/')
        return DiagnosticStatus(
            level=bytes([diagnosis.level]),
            name=f'{node}: {" ".join([camera, "depth"]).strip()}',
            message=diagnosis.message,
            hardware_id=hardware_id,
            values=[KeyValue(key=key, value=value) for key, value in diagnosis.values.items()],
        )
