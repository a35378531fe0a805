"""What every node of the package does with rclpy."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
import signal

import rclpy
from rclpy.executors import ExternalShutdownException
from rclpy.impl.implementation_singleton import rclpy_implementation
from rclpy.logging import get_logger
from rclpy.node import Node
from sensor_msgs.msg import CompressedImage, Image

from monodepth_ros.messages.encode import message_classes, native_sequence
from monodepth_ros.ros.allocator import keep_large_buffers
from monodepth_ros.ros.shared_memory import remove_abandoned

BYTES_PER_MB = 1_000_000


def message_class(name: str) -> type:
    """The class of a message type, e.g. 'sensor_msgs/msg/Image'."""
    package, _, last = name.partition('/msg/')
    kind: type = getattr(import_module(f'{package}.msg'), last)
    return kind


CLASSES = message_classes(message_class, native_sequence)


@contextmanager
def ros_session(args: list[str] | None = None) -> Iterator[None]:
    """
    Initialise rclpy, end quietly on SIGINT or SIGTERM, and free what DDS holds.

    What a predecessor left behind that was killed is freed as well. To be used once, as what a
    process does: from here to its end no signal raises KeyboardInterrupt, see _init.
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
    # A call that was under way when a signal ended the session.
    except rclpy_implementation.RCLError:
        if rclpy.ok():
            raise
    finally:
        # rclpy's signal handler shuts down from a thread of its own: it may be the faster one.
        with suppress(rclpy_implementation.RCLError):
            rclpy.try_shutdown()
        # Python would restore the handler that kills as it ends, before DDS has freed its memory.
        signal.signal(signal.SIGINT, signal.SIG_IGN)


def _init(args: list[str] | None) -> None:
    """
    Initialise rclpy so that SIGINT ends it as SIGTERM does, however often it comes.

    rclpy's handler shuts the context down and calls the handler that was there before. Python's
    own would raise KeyboardInterrupt wherever the program is: between a thread's start and the
    note of it, or in the clean-up after the first of two signals, and the process hangs.
    """
    interrupts = []
    signal.signal(signal.SIGINT, lambda number, _: interrupts.append(number))
    rclpy.init(args=args)
    # One that came before rclpy listened.
    if interrupts:
        rclpy.try_shutdown()


def image_source(node: Node, topic: str, image_transport: str) -> tuple[type, str]:
    """Message class and full name of an image topic in a transport, remappings applied."""
    name = node.resolve_topic_name(topic)
    if image_transport == 'compressed':
        return CompressedImage, f'{name}/compressed'
    return Image, name
