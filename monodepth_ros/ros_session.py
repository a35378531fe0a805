"""rclpy from start to end of a process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress

import rclpy
from rclpy.executors import ExternalShutdownException
from rclpy.impl.implementation_singleton import rclpy_implementation


@contextmanager
def ros_session(args: list[str] | None = None) -> Iterator[None]:
    """Initialise rclpy, end quietly on SIGINT or SIGTERM, and free what DDS holds."""
    rclpy.init(args=args)
    try:
        yield
    except (KeyboardInterrupt, ExternalShutdownException):
        pass
    finally:
        # rclpy's signal handler shuts down from a thread of its own: it may be the faster one.
        with suppress(rclpy_implementation.RCLError):
            rclpy.try_shutdown()
