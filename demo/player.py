"""A player that publishes a camera of a recording in real time, with the recorded stamps."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
import sys
import time

from rclpy.node import Node
from rclpy.publisher import Publisher
from rclpy.qos import QoSProfile
from rclpy.utilities import remove_ros_args
from rich.progress import track
from sensor_msgs.msg import CameraInfo, CompressedImage, Image

from monodepth_ros.common.atomic import atomic_file
from monodepth_ros.messages.decode import stamp_ns
from monodepth_ros.ros.session import ros_session
from monodepth_ros.storage.bag import Bag

MESSAGE_CLASSES = {
    'sensor_msgs/msg/Image': Image,
    'sensor_msgs/msg/CompressedImage': CompressedImage,
    'sensor_msgs/msg/CameraInfo': CameraInfo,
}
WAIT_S = 60.0
# Time for discovery to finish after the first match, and for the calibration to arrive.
SETTLE_S = 1.0


def play(node: Node, bag: Bag, targets: dict[str, str], *, first_share: float) -> dict[int, int]:
    """
    Publish the messages of a recording in real time, once every topic has a subscriber.

    node: the node that publishes.
    bag: the recording.
    targets: recorded topic -> published topic.
    first_share: start, as a fraction of the recording's duration.
    Returns the time at which each image was published: stamp in ns -> CLOCK_MONOTONIC in ns.
    """
    firsts = {topic: next(bag.messages(topic)) for topic in targets}
    publishers = {
        topic: node.create_publisher(
            MESSAGE_CLASSES[first.type], targets[topic], QoSProfile(depth=5)
        )
        for topic, first in firsts.items()
    }
    _wait_for_subscribers(list(publishers.values()))
    for topic, first in firsts.items():  # so that the first image finds its calibration
        if MESSAGE_CLASSES[first.type] is CameraInfo:
            publishers[topic].publish(first.data)
    time.sleep(SETTLE_S)
    published: dict[int, int] = {}
    start_ns, first_ns = time.monotonic_ns(), bag.time_at(first_share)
    total = (1 - first_share) * bag.message_count(*targets)
    messages = bag.messages(*targets, first_share=first_share)
    for message in track(messages, 'playing', total=total):
        due_ns = start_ns + message.recorded_ns - first_ns
        time.sleep(max(0, due_ns - time.monotonic_ns()) / 1e9)
        if MESSAGE_CLASSES[message.type] is not CameraInfo:
            published[stamp_ns(message.content.header)] = time.monotonic_ns()
        publishers[message.topic].publish(message.data)
    return published


def _wait_for_subscribers(publishers: list[Publisher]) -> None:
    deadline = time.monotonic() + WAIT_S
    while not all(publisher.get_subscription_count() for publisher in publishers):
        if time.monotonic() > deadline:
            topics = [publisher.topic_name for publisher in publishers]
            raise TimeoutError(f'no subscriber to {topics} within {WAIT_S:g} s; is the node up?')
        time.sleep(0.05)


def main() -> int:
    """Run the command line, which demo/live.py starts; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('bag', type=Path)
    parser.add_argument('--image', required=True, help='image topic of the recording')
    parser.add_argument('--info', required=True, help='camera_info topic of the recording')
    parser.add_argument('--to', required=True, help='image topic to publish')
    parser.add_argument('--first-share', type=float, default=0.0)
    parser.add_argument('--times', type=Path, required=True, help='JSON of publish times')
    options = parser.parse_args(remove_ros_args(sys.argv)[1:])
    targets = {options.info: 'camera_info', options.image: options.to}
    published = None
    try:
        with ros_session(), Bag(options.bag) as bag:
            published = play(Node('player'), bag, targets, first_share=options.first_share)
    except (ValueError, TimeoutError) as error:
        print(f'player: {error}', file=sys.stderr)
    if published is None:  # the session was interrupted or failed
        return 1
    with atomic_file(options.times) as partial:
        partial.write_text(json.dumps(published))
    return 0


if __name__ == '__main__':
    sys.exit(main())
