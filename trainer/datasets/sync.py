"""Pairing of a recording's images with other measurements of the same time."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any

from monodepth_ros.messages.decode import stamp_ns
from monodepth_ros.storage.bag import BagMessage
from monodepth_ros.storage.stamps import take_nearest

# So many messages of one topic wait for their partner, because a driver may record a scan late.
WAITING = 32


def nearest_images(
    messages: Iterable[BagMessage], image_topic: str, *, tolerance_ns: int
) -> Iterator[tuple[Any, Any]]:
    """
    Yield (image, other) for each message of another topic that has an image within the tolerance.

    The image is the nearest in time, recorded before or after the other message.
    """
    images: deque[Any] = deque(maxlen=WAITING)
    others: deque[Any] = deque(maxlen=WAITING)
    for message in messages:
        (images if message.topic == image_topic else others).append(message.content)
        while images and others and _passed(images[-1], others[0], tolerance_ns):
            yield from _with_image(others.popleft(), images, tolerance_ns)
    for other in others:
        yield from _with_image(other, images, tolerance_ns)


def _passed(image: Any, other: Any, tolerance_ns: int) -> bool:
    """Return whether all later images are too late for the other message."""
    return stamp_ns(image.header) > stamp_ns(other.header) + tolerance_ns


def _with_image(other: Any, images: deque[Any], tolerance_ns: int) -> Iterator[tuple[Any, Any]]:
    image = take_nearest(images, stamp_ns(other.header), tolerance_ns=tolerance_ns)
    if image is not None:
        yield image, other
