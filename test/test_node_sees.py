"""What the node says of what comes to it: headers, calibrations, loss; real processes over DDS."""

from __future__ import annotations

from itertools import count, cycle
import subprocess
import sys

import pytest
from sensor_msgs.msg import CameraInfo

from monodepth_ros.messages.topics import INFO
from test.helpers.camera_messages import image, info, K, P
from test.helpers.live_node import running_node, WAIT_S

OK, WARN = b'\x00', b'\x01'


class Camera:
    """Publish what is stamped now; an image's header may be changed."""

    def __init__(self, client):
        self._client = client
        self.change_header = lambda header: None
        self.infos = cycle([info(0)])

    def __call__(self):
        calibration, picture = next(self.infos), image(0)
        for message in (calibration, picture):
            message.header.stamp = self._client.get_clock().now().to_msg()
        self.change_header(picture.header)
        self._client.publish(calibration, picture)


def _values(status):
    return {value.key: value.value for value in status.values}


def _info_shifted(px):
    """Return a camera_info whose principal points are farther to the right."""
    message = info(0, k=[*K[:2], K[2] + px, *K[3:]])
    message.p = [*P[:2], P[2] + px, *P[3:]]
    return message


def test_headers_that_consumers_drop_are_told_with_the_figure(
    client, tmp_path, red_disparity_model
):
    camera = Camera(client)

    def early(header):
        header.stamp.sec += 5

    def without_frame(header):
        header.frame_id = ''

    def zero(header):
        header.frame_id = '/camera'
        header.stamp.sec = header.stamp.nanosec = 0

    with running_node(tmp_path / 'log', model=red_disparity_model):
        client.spin_until(lambda: client.status.level == OK, every=camera)
        for change, words in (
            (early, ["image stamps are 5.0 s ahead of this node's clock"]),
            (without_frame, ['an empty frame_id']),
            (zero, ['begin with a slash', 'zero stamps']),
        ):
            camera.change_header = change
            client.spin_until(
                lambda words=words: all(word in client.status.message for word in words),
                every=camera,
            )
            assert client.status.level == WARN


def test_a_calibration_that_trembles_changes_nothing_and_two_are_told_and_mapped_once(
    client, tmp_path, red_disparity_model
):
    camera = Camera(client)
    camera.infos = cycle([_info_shifted(px) for px in (0.0, 0.04, -0.04)])
    described = []
    client.create_subscription(CameraInfo, INFO, lambda m: described.append(m.p[2]), 10)
    with running_node(tmp_path / 'log', model=red_disparity_model) as node:
        client.spin_until(lambda: len(described) > 9, every=camera)
        # Whichever came first is the one of all.
        assert len(set(described)) == 1
        assert client.status.level == OK, client.status.message
        other = client.create_publisher(CameraInfo, 'camera_info', 1)

        def both():
            other.publish(_info_shifted(20.0))
            camera()
            other.publish(_info_shifted(20.0))

        client.spin_until(lambda: 'times in the last 10 s' in client.status.message, every=both)
        assert client.status.level == WARN
        assert 'publishers now: 2; let only the driver' in client.status.message
        assert node.log.count('camera_info changed') == 1
        assert node.stop() == 0


def test_an_unforeseen_error_of_a_transition_is_logged_with_its_traceback(tmp_path, domain):
    faulty = """
import sys
from monodepth_ros import node
def load_backend(*args, **options):
    return {}['disparity']
node.load_backend = load_backend
sys.exit(node.main(['--ros-args', '-p', 'model:=any.onnx']))
"""
    done = subprocess.run(
        [sys.executable, '-c', faulty], capture_output=True, text=True, timeout=WAIT_S
    )
    assert done.returncode == 1
    assert 'in load_backend' in done.stderr
    assert done.stderr.count('Traceback') == 1


@pytest.mark.slow
def test_images_that_are_lost_on_the_way_are_told_and_what_only_looks_like_it_is_not(
    client, tmp_path, red_disparity_model
):
    """A driver of 10 Hz whose images leave out one in two, but not their camera_info."""
    numbers = count()

    def publish(*, leave_out):
        stamp = client.get_clock().now().to_msg()
        messages = [info(0), image(0)][: 1 if leave_out and next(numbers) % 2 else 2]
        for message in messages:
            message.header.stamp = stamp
        client.publish(*messages)

    # Counted before max_rate_hz thins them out.
    with running_node(tmp_path / 'log', model=red_disparity_model, max_rate_hz=2):
        client.spin_until(
            lambda: _values(client.status).get('images that arrive (%)') == '100',
            every=lambda: publish(leave_out=False),
        )
        assert client.status.level == OK, client.status.message
        client.spin_until(
            lambda: 'of the images of the last 10 s arrived' in client.status.message,
            every=lambda: publish(leave_out=True),
        )
        assert client.status.level == WARN
        assert '`-p qos_overrides./image.subscription.reliability:=reliable`' in (
            client.status.message
        )
        values = _values(client.status)
        assert float(values['camera_info (Hz)']) == pytest.approx(10, abs=1.5)
