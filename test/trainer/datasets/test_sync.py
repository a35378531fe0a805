"""Messages by their stamps."""

from __future__ import annotations

from monodepth_ros.storage.bag import BagMessage
from test.helpers.recordings import header_of
from trainer.datasets.sync import nearest_images


class Stamped:
    """A message with a header."""

    def __init__(self, stamp_ns):
        self.stamp_ns = stamp_ns
        self.header = header_of(stamp_ns)


def _pairs(*messages, tolerance_ns):
    """(image stamp, other stamp) of messages given as (topic, stamp) in recorded order."""
    bag = [BagMessage(topic, '', at, Stamped(s), b'') for at, (topic, s) in enumerate(messages)]
    found = nearest_images(bag, 'image', tolerance_ns=tolerance_ns)
    return [(image.stamp_ns, other.stamp_ns) for image, other in found]


def test_the_nearest_image_is_taken_before_and_after():
    messages = [('image', 0), ('image', 30), ('scan', 50), ('image', 60), ('image', 90)]
    assert _pairs(*messages, tolerance_ns=25) == [(60, 50)]


def test_a_scan_recorded_late_or_last_finds_its_image():
    late = [('image', 0), ('image', 30), ('image', 60), ('scan', 31)]
    assert _pairs(*late, tolerance_ns=5) == [(30, 31)]
    last = [('image', 0), ('scan', 1)]
    assert _pairs(*last, tolerance_ns=5) == [(0, 1)]


def test_too_far_apart_is_no_pair_and_an_image_serves_once():
    messages = [
        ('image', 0),
        ('scan', 6),
        ('image', 20),
        ('scan', 21),
        ('scan', 22),
        ('image', 40),
    ]
    assert _pairs(*messages, tolerance_ns=5) == [(20, 21)]
