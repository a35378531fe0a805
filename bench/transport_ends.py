"""Processes around the node in benchmarks: camera, listener and lifecycle manager."""

from __future__ import annotations

import argparse
from array import array
from collections import defaultdict
from collections.abc import Callable
import json
from statistics import median
import sys
import time
from typing import Any

from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
import numpy as np
import rclpy
from rclpy.node import Node
from rclpy.qos import qos_profile_sensor_data, QoSProfile
from rclpy.subscription import Subscription
from sensor_msgs.msg import CameraInfo, Image

from bench.constant_model import CAMERA
from monodepth_ros.messages.decode import stamp_ns
from monodepth_ros.messages.topics import DEPTH, INFO, OUTPUTS, POINTS
from monodepth_ros.ros.session import message_class, ros_session, spin

WIDTH, HEIGHT = 2 * CAMERA.width, 720
RATE_HZ = 10.0
# Frames that let the node make its maps and buffers; their frame_id marks them as not counted.
WARM_UP, WARM_UP_FRAME = 10, 'warm_up'
WAIT_S = 30.0
# Time from the first match until discovery has finished, and for a message to arrive.
SETTLE_S = 2.0
LIFE = (
    Transition.TRANSITION_CONFIGURE,
    Transition.TRANSITION_ACTIVATE,
    Transition.TRANSITION_DEACTIVATE,
    Transition.TRANSITION_CLEANUP,
)
LISTENED = (INFO, DEPTH, POINTS)


def camera(node: Node, frames: int) -> None:
    """Publish that many images, best effort, once there is a subscriber."""
    images = node.create_publisher(Image, 'image', qos_profile_sensor_data)
    infos = node.create_publisher(CameraInfo, 'camera_info', qos_profile_sensor_data)
    _wait(lambda: images.get_subscription_count() and infos.get_subscription_count(), 'images')
    time.sleep(SETTLE_S)
    image, info = _image(), _info()
    start = time.monotonic()
    for number in range(WARM_UP + frames):
        time.sleep(max(0.0, start + number / RATE_HZ - time.monotonic()))
        stamp = node.get_clock().now().to_msg()
        for message, publisher in ((info, infos), (image, images)):
            message.header.stamp = stamp
            message.header.frame_id = WARM_UP_FRAME if number < WARM_UP else 'camera'
            publisher.publish(message)
    # Wait: the last image is in the memory of this process until it has been read.
    time.sleep(SETTLE_S)


def listener(node: Node) -> None:
    """Print `matched` once every topic has a publisher, and count and median age at the end."""
    ages_ms = defaultdict(list)

    def listen(topic: str) -> Subscription:
        def on_message(message: Any) -> None:
            if message.header.frame_id != WARM_UP_FRAME:
                age_ns = node.get_clock().now().nanoseconds - stamp_ns(message.header)
                ages_ms[topic].append(age_ns / 1e6)

        return node.create_subscription(
            message_class(OUTPUTS[topic]), topic, on_message, QoSProfile(depth=5)
        )

    subscriptions = [listen(topic) for topic in LISTENED]
    _wait(lambda: all(s.get_publisher_count() for s in subscriptions), 'outputs')
    print('matched', flush=True)
    try:
        spin(node)
    finally:
        print(json.dumps({t: [len(ms), median(ms)] for t, ms in ages_ms.items()}), flush=True)


def manager(node: Node) -> None:
    """Take depth_node through a lifecycle for each line of input, and print `lived` after it."""
    service = node.create_client(ChangeState, 'depth_node/change_state')
    if not service.wait_for_service(WAIT_S):
        raise TimeoutError(f'no {service.srv_name} within {WAIT_S:g} s')
    time.sleep(SETTLE_S)
    for _ in sys.stdin:
        for transition in LIFE:
            request = ChangeState.Request()
            request.transition.id = transition
            future = service.call_async(request)
            rclpy.spin_until_future_complete(node, future, timeout_sec=WAIT_S)
            if not (future.done() and future.result().success):
                raise RuntimeError(f'transition {transition} failed')
        print('lived', flush=True)


def _wait(done: Callable[[], Any], what: str) -> None:
    deadline = time.monotonic() + WAIT_S
    while not done():
        if time.monotonic() > deadline:
            raise TimeoutError(f'no match for the {what} within {WAIT_S:g} s; is the node up?')
        time.sleep(0.05)


def _image() -> Image:
    pixels = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)
    data = array('B', pixels.tobytes())
    return Image(width=WIDTH, height=HEIGHT, encoding='rgb8', step=3 * WIDTH, data=data)


def _info() -> CameraInfo:
    fx, cx, cy = 2 * CAMERA.fx, WIDTH / 2 - 0.5, HEIGHT / 2 - 0.5
    k = [fx, 0, cx, 0, fx, cy, 0, 0, 1.0]
    p = [fx, 0, cx, 0, 0, fx, cy, 0, 0, 0, 1.0, 0]
    return CameraInfo(
        width=WIDTH, height=HEIGHT, distortion_model='plumb_bob', d=[0.0] * 5, k=k, p=p
    )


def main() -> int:
    """Run the command line, which bench/transport.py and bench/soak.py start."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('role', choices=['camera', 'listener', 'manager'])
    parser.add_argument('--frames', type=int, default=0)
    options = parser.parse_args()
    with ros_session([]):
        node = Node(f'bench_{options.role}')
        try:
            if options.role == 'camera':
                camera(node, options.frames)
            elif options.role == 'listener':
                listener(node)
            else:
                manager(node)
        finally:
            node.destroy_node()
    return 0


if __name__ == '__main__':
    sys.exit(main())
