"""Start and end of the package's nodes with rclpy."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
import signal

import rclpy
from rclpy.exceptions import NotInitializedException
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.impl.implementation_singleton import rclpy_implementation
from rclpy.logging import get_logger
from rclpy.node import Node
from sensor_msgs.msg import CompressedImage, Image

from monodepth_ros.messages.encode import message_classes, native_sequence
from monodepth_ros.messages.image_topics import COMPRESSED
from monodepth_ros.ros.allocator import keep_large_buffers
from monodepth_ros.ros.shared_memory import remove_abandoned

BYTES_PER_MB = 1_000_000
# The longest time that a missed signal costs.
WAKE_PERIOD_S = 0.5


def message_class(name: str) -> type:
    """Return the class of a message type, e.g. 'sensor_msgs/msg/Image'."""
    package, _, last = name.partition('/msg/')
    kind: type = getattr(import_module(f'{package}.msg'), last)
    return kind


ROS_CLASSES = message_classes(message_class, native_sequence)


@contextmanager
def ros_session(args: list[str] | None = None) -> Iterator[None]:
    """
    Initialise rclpy, end quietly on SIGINT or SIGTERM, and free the memory of DDS.

    Shared memory of killed processes is freed first. Use it once, for the rest of the process:
    from here on no signal raises KeyboardInterrupt, see _init.
    """
    keep_large_buffers()
    freed_bytes = remove_abandoned()
    _init(args)
    if freed_bytes:
        get_logger('shared_memory').info(
            f'freed {freed_bytes / BYTES_PER_MB:.0f} MB of shared memory of processes that were '
            'killed'
        )
    try:
        yield
    except ExternalShutdownException:
        pass
    # A signal may end the session during a call of rcl, or before the first one.
    except (rclpy_implementation.RCLError, NotInitializedException):
        if rclpy.ok():
            raise
    finally:
        _shut_down()
        # At exit Python restores the default handler, which would kill the process before DDS has
        # freed its memory.
        signal.signal(signal.SIGINT, signal.SIG_IGN)


def _init(args: list[str] | None) -> None:
    """
    Initialise rclpy so that SIGINT ends it as SIGTERM does, also when it comes repeatedly.

    rclpy's handler shuts the context down and then calls the previous handler. Python's own
    handler would raise KeyboardInterrupt anywhere, e.g. between the start of a thread and its
    registration, or in the clean-up after the first of two signals, and the process would hang.
    """
    interrupts = []
    signal.signal(signal.SIGINT, lambda number, _: interrupts.append(number))
    rclpy.init(args=args)
    # A signal may have come before rclpy installed its handler.
    if interrupts:
        _shut_down()


def _shut_down() -> None:
    # rclpy's signal handler shuts down from another thread, possibly during this call.
    with suppress(rclpy_implementation.RCLError):
        rclpy.try_shutdown()


def spin(node: Node) -> None:
    """
    Run the callbacks of a node until the session ends.

    rclpy.spin misses a signal that comes between its look at the context and its wait, and then
    waits for a message or a timer, of which a node may have none.
    """
    with SingleThreadedExecutor() as executor:
        executor.add_node(node)
        while rclpy.ok():
            executor.spin_once(timeout_sec=WAKE_PERIOD_S)


def image_source(node: Node, topic: str, image_transport: str) -> tuple[type, str]:
    """
    Return the message class and full name of an image topic in a transport, after remapping.

    A name that ends with /compressed selects the compressed transport by itself.

    node: the node.
    topic: relative name of the topic.
    image_transport: `raw` or `compressed`.
    """
    name = node.resolve_topic_name(topic)
    base = name.removesuffix(COMPRESSED)
    if base != name or image_transport == 'compressed':
        return CompressedImage, f'{base}{COMPRESSED}'
    return Image, name
