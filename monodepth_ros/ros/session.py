"""What every node of the package does with rclpy."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import import_module

import rclpy
from rclpy.executors import ExternalShutdownException
from rclpy.impl.implementation_singleton import rclpy_implementation
from rclpy.logging import get_logger
from rclpy.node import Node
from sensor_msgs.msg import CompressedImage, Image

from monodepth_ros.messages.encode import message_classes, native_sequence
from monodepth_ros.messages.image_topics import COMPRESSED
from monodepth_ros.ros.allocator import keep_large_buffers
from monodepth_ros.ros.shared_memory import remove_abandoned

BYTES_PER_MB = 1_000_000


def message_class(name: str) -> type:
    """The class of a message type, e.g. 'sensor_msgs/msg/Image'."""
    package, _, last = name.partition('/msg/')
    return getattr(import_module(f'{package}.msg'), last)


CLASSES = message_classes(message_class, native_sequence)


@contextmanager
def ros_session(args: list[str] | None = None) -> Iterator[None]:
    """
    Initialise rclpy, end quietly on SIGINT or SIGTERM, and free what DDS holds.

    What a predecessor left behind that was killed is freed as well.
    """
    keep_large_buffers()
    freed_bytes = remove_abandoned()
    rclpy.init(args=args)
    if freed_bytes:
        get_logger('shared_memory').info(
            f'freed {freed_bytes / BYTES_PER_MB:.0f} MB of shared memory of processes that were '
            'killed'
        )
    try:
        yield
    except (KeyboardInterrupt, ExternalShutdownException):
        pass
    finally:
        # rclpy's signal handler shuts down from a thread of its own: it may be the faster one.
        with suppress(rclpy_implementation.RCLError):
            rclpy.try_shutdown()


def image_source(node: Node, topic: str, image_transport: str) -> tuple[type, str]:
    """
    Message class and full name of an image topic in a transport, remappings applied.

    A name that ends with /compressed says its transport itself.
    """
    name = node.resolve_topic_name(topic)
    base = name.removesuffix(COMPRESSED)
    if base != name or image_transport == 'compressed':
        return CompressedImage, f'{base}{COMPRESSED}'
    return Image, name
