"""A node in a process of its own, and clients that talk to it over DDS."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
import signal
import subprocess
import sys
import time
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from lifecycle_msgs.srv import ChangeState, GetState
import rclpy
from rclpy.node import Node
from rclpy.qos import QoSProfile
from sensor_msgs.msg import CameraInfo, CompressedImage, Image

from monodepth_ros.messages.topics import DEPTH, INFO, OUTPUTS, POINTS
from monodepth_ros.ros.session import message_class

WAIT_S = 30.0
ATTEMPTS = 6
# Between a service being there and its answers finding their way back.
SETTLE_S = 1.0


class NodeProcess:
    """The running node; `log` is what it has written so far."""

    def __init__(
        self,
        log: Path,
        parameters: dict[str, Any],
        *,
        module: str,
        remaps: dict[str, str],
        log_level: str,
    ) -> None:
        options = [part for n, v in parameters.items() for part in ('-p', f'{n}:={v}')]
        options += [part for n, to in remaps.items() for part in ('-r', f'{n}:={to}')]
        options += ['--log-level', log_level]
        command = [sys.executable, '-m', module, '--ros-args', *options]
        self._log = log
        with log.open('w') as file:
            self.process = subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT)

    @property
    def log(self) -> str:
        """Everything written to stdout and stderr."""
        return self._log.read_text()

    def wait_for(self, text: str) -> None:
        """Until it has written this."""
        deadline = time.monotonic() + WAIT_S
        while text not in self.log:
            assert self.process.poll() is None, f'it ended without {text!r}'
            assert time.monotonic() < deadline, f'no {text!r} within {WAIT_S:g} s'
            time.sleep(0.05)

    def stop(self) -> int:
        """SIGINT, so that shared memory is freed; returns the exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        try:
            return self.process.wait(WAIT_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise


@contextmanager
def running_node(
    log: Path,
    *,
    module: str = 'monodepth_ros.node',
    remaps: dict[str, str] | None = None,
    log_level: str = 'info',
    **parameters: Any,
) -> Iterator[NodeProcess]:
    """A node with these parameters and remapped names, stopped at the end."""
    node = NodeProcess(log, parameters, module=module, remaps=remaps or {}, log_level=log_level)
    try:
        yield node
    finally:
        node.stop()


class SpinningNode(Node):
    """A node of the test's own process."""

    def spin_until(
        self, done: Callable[[], bool], *, every: Callable[[], None] | None = None
    ) -> None:
        """Spin, calling `every` ten times a second, until done."""
        deadline = time.monotonic() + WAIT_S
        next_call = 0.0
        while not done():
            assert time.monotonic() < deadline, f'nothing within {WAIT_S:g} s'
            if every is not None and time.monotonic() > next_call:
                every()
                next_call = time.monotonic() + 0.1
            rclpy.spin_once(self, timeout_sec=0.02)

    def spin_for(self, seconds: float, *, every: Callable[[], None]) -> None:
        """Spin for a while, calling `every` ten times a second."""
        end = time.monotonic() + seconds
        self.spin_until(lambda: time.monotonic() > end, every=every)


class Client(SpinningNode):
    """
    Publishes a camera's topics and keeps what the node publishes, by topic and stamp.

    statuses: of its diagnostics, oldest first.
    """

    def __init__(self, topics: Iterable[str] = (DEPTH, INFO, POINTS)) -> None:
        super().__init__('client')
        self.received: dict[str, dict[int, Any]] = {topic: {} for topic in topics}
        self.statuses: list[DiagnosticStatus] = []
        self.create_subscription(
            DiagnosticArray, '/diagnostics', lambda m: self.statuses.extend(m.status), 10
        )
        self._listening = [
            self.create_subscription(
                message_class(OUTPUTS[topic]),
                topic,
                lambda m, kept=kept: kept.update({m.header.stamp.sec: m}),
                10,
            )
            for topic, kept in self.received.items()
        ]
        # Kept from the beginning: each new client is discovered anew.
        self._change_state = self.create_client(ChangeState, 'depth_node/change_state')
        self._get_state = self.create_client(GetState, 'depth_node/get_state')
        self.publishers_ = {
            Image: self.create_publisher(Image, 'image', QoSProfile(depth=5)),
            CompressedImage: self.create_publisher(
                CompressedImage, 'image/compressed', QoSProfile(depth=5)
            ),
            CameraInfo: self.create_publisher(CameraInfo, 'camera_info', QoSProfile(depth=5)),
        }

    def publish(self, *messages: Any) -> None:
        """Publish messages on the topics of their types."""
        for message in messages:
            self.publishers_[type(message)].publish(message)

    @property
    def status(self) -> DiagnosticStatus:
        """The last one; an empty one before the first."""
        return self.statuses[-1] if self.statuses else DiagnosticStatus()

    def forget(self) -> None:
        """Drop everything received."""
        for kept in self.received.values():
            kept.clear()

    def stop_listening(self) -> None:
        """End the subscriptions."""
        for subscription in self._listening:
            self.destroy_subscription(subscription)

    def has_all(self, second: int) -> bool:
        """Whether every topic came with this stamp."""
        return all(second in kept for kept in self.received.values())

    def change_state(self, transition_id: int, *, timeout_s: float = WAIT_S) -> bool:
        """Ask the node for a lifecycle transition; True when it says in time that it made it."""
        request = ChangeState.Request()
        request.transition.id = transition_id
        answer = self.call(self._change_state, request, timeout_s)
        return answer is not None and answer.success

    def state(self) -> str:
        """The node's lifecycle state."""
        for _ in range(ATTEMPTS):  # an answer is lost when the way back is discovered late
            answer = self.call(self._get_state, GetState.Request(), WAIT_S / ATTEMPTS)
            if answer is not None:
                return answer.current_state.label
        raise TimeoutError(f'no answer from {self._get_state.srv_name}')

    def call(self, service: Any, request: Any, timeout_s: float = WAIT_S) -> Any:
        """The answer of a service; None where none came in time."""
        if not service.service_is_ready():
            assert service.wait_for_service(WAIT_S), f'no service {service.srv_name}'
            time.sleep(SETTLE_S)
        future = service.call_async(request)
        rclpy.spin_until_future_complete(self, future, timeout_sec=timeout_s)
        return future.result() if future.done() else None
