"""A recorder of the node's outputs, and of the time of each depth image, until SIGINT."""

from __future__ import annotations

import argparse
from functools import partial
import json
from pathlib import Path
import struct
import sys
import time

from rclpy.node import Node
from rclpy.qos import QoSProfile
from rclpy.utilities import remove_ros_args

from monodepth_ros.common.atomic import atomic_file
from monodepth_ros.messages.decode import NS_PER_S
from monodepth_ros.messages.topics import DEPTH, INFO, OUTPUTS, POINTS
from monodepth_ros.ros.session import message_class, ros_session, spin
from monodepth_ros.storage.bag import standard_definition
from monodepth_ros.storage.bag_writer import BagWriter, write_bag

TOPICS = (DEPTH, INFO, POINTS)
QUEUE = 20


class Recorder(Node):
    """A node that writes serialized messages; `received` maps a depth stamp to its receipt, ns."""

    def __init__(self, bag: BagWriter) -> None:
        super().__init__('recorder')
        self.received: dict[int, int] = {}
        self._bag = bag
        for topic in TOPICS:
            self.create_subscription(
                message_class(OUTPUTS[topic]),
                topic,
                partial(self._record, topic),
                QoSProfile(depth=QUEUE),
                raw=True,
            )

    def _record(self, topic: str, data: bytes) -> None:
        now_ns = time.monotonic_ns()
        stamp = serialized_stamp_ns(data)
        if topic == DEPTH:
            self.received[stamp] = now_ns
        self._bag.add_serialized(
            f'/{topic}', standard_definition(OUTPUTS[topic]), data, recorded_ns=stamp
        )


def serialized_stamp_ns(data: bytes) -> int:
    """Return the stamp of little-endian CDR bytes that begin with a std_msgs/Header."""
    seconds, nanoseconds = struct.unpack_from('<iI', data, offset=4)
    return int(seconds * NS_PER_S + nanoseconds)


def main() -> int:
    """Run the command line, which demo/live.py starts; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('bag', type=Path, help='recording to write')
    parser.add_argument('--times', type=Path, required=True, help='JSON of receipt times')
    options = parser.parse_args(remove_ros_args(sys.argv)[1:])
    with write_bag(options.bag) as bag, ros_session():
        recorder = Recorder(bag)
        try:
            spin(recorder)
        finally:
            # Destroy it here: at exit, the libraries that it needs may end before it.
            recorder.destroy_node()
    with atomic_file(options.times) as partial:
        partial.write_text(json.dumps(recorder.received))
    return 0


if __name__ == '__main__':
    sys.exit(main())
