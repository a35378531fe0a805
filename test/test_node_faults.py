"""What goes wrong on a robot, and what the node makes of it; real processes over real DDS."""

from __future__ import annotations

from array import array
from itertools import islice
import shutil
import signal
import subprocess
import sys

from hypothesis import given, HealthCheck, Phase, settings
from hypothesis import strategies as st
from lifecycle_msgs.msg import Transition
import numpy as np
import pytest
from rclpy.qos import QoSProfile
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import CameraInfo, Image

from monodepth_ros.messages.decode import depth_m_from_image
from monodepth_ros.messages.topics import DEPTH
from test.helpers.camera_messages import FRAME_ID, HEIGHT, image, info, WIDTH
from test.helpers.live_node import running_node
from test.helpers.tiny_model import write_failing_model

OK, WARN, ERROR = b'\x00', b'\x01', b'\x02'


class Camera:
    """Publishes both topics; each image has the next second as its stamp."""

    def __init__(self, client):
        self.second = 0
        self._client = client
        self.change_image = self.change_info = lambda message: message

    def __call__(self):
        self.second += 1
        self._client.publish(self.change_info(info(self.second)))
        self._client.publish(self.change_image(image(self.second)))


def _comes_out(client, camera):
    """Send until an image that was sent from now on has become depth; returns its message."""
    first = camera.second + 3  # what was sent before may still be on its way
    client.spin_until(lambda: any(s >= first for s in client.received[DEPTH]), every=camera)
    return client.received[DEPTH][max(client.received[DEPTH])]


def _is_well(status):
    """Tell if nothing is wrong but the stamps, which are of 1970."""
    return status.message.startswith('image stamps are') and status.message.count('expected') == 1


def _far_m(message):
    return float(depth_m_from_image(message)[message.height // 2, message.width // 3])


def test_a_camera_that_stops_is_told_and_found_again_when_it_returns(
    client, tmp_path, red_disparity_model
):
    camera = Camera(client)
    with running_node(tmp_path / 'log', model=red_disparity_model, stale_after_s=1):
        _comes_out(client, camera)
        client.spin_until(
            lambda: client.status.level == ERROR and 'no image' in client.status.message
        )
        _comes_out(client, camera)
        client.spin_until(lambda: _is_well(client.status), every=camera)


def test_resolution_and_encoding_may_change_in_flight(client, tmp_path, red_disparity_model):
    camera = Camera(client)

    def halved(message):
        message.width, message.height, message.step = WIDTH // 2, HEIGHT // 2, 3 * WIDTH // 2
        pixels = np.frombuffer(message.data, np.uint8).reshape(HEIGHT, WIDTH, 3)[::2, ::2]
        message.data = array('B', pixels.tobytes())
        return message

    def halved_info(message):
        message.width, message.height = WIDTH // 2, HEIGHT // 2
        message.k = [*(value / 2 for value in message.k[:8]), 1.0]
        message.p = [*(value / 2 for value in message.p[:10]), 1.0, 0.0]
        return message

    def bgr(message):
        pixels = np.frombuffer(message.data, np.uint8).reshape(message.height, message.width, 3)
        message.data, message.encoding = array('B', pixels[..., ::-1].tobytes()), 'bgr8'
        return message

    with running_node(tmp_path / 'log', model=red_disparity_model) as node:
        assert _far_m(_comes_out(client, camera)) == pytest.approx(5.0)
        camera.change_image, camera.change_info = halved, halved_info
        message = _comes_out(client, camera)
        assert (message.width, message.height) == (WIDTH // 2, HEIGHT // 2)
        assert _far_m(message) == pytest.approx(5.0)
        camera.change_image = lambda m: bgr(halved(m))
        assert _far_m(_comes_out(client, camera)) == pytest.approx(5.0)
        assert node.stop() == 0


def test_a_calibration_that_is_late_wrong_or_changing_costs_no_more_than_its_frames(
    client, tmp_path, red_disparity_model
):
    camera = Camera(client)
    with running_node(tmp_path / 'log', model=red_disparity_model) as node:
        only_image = lambda: client.publish(image(1))  # noqa: E731
        client.spin_until(
            lambda: any('no camera_info' in s.message for s in client.statuses), every=only_image
        )
        assert not client.received[DEPTH]
        assert _far_m(_comes_out(client, camera)) == pytest.approx(5.0)

        def of_another_size(message):
            message.width += 2
            return message

        camera.change_info = of_another_size
        client.spin_until(
            lambda: 'expected 162 x 120 as its camera_info' in node.log, every=camera
        )

        def longer(message):
            message.k[0] = message.k[4] = message.p[0] = message.p[5] = 160.0
            return message

        camera.change_info = longer
        message = _comes_out(client, camera)
        # What the model knows of red is an angle: the same depth behind the longer lens.
        assert _far_m(message) == pytest.approx(5.0)
        assert 'camera_info changed' in node.log
        camera.change_info = lambda message: CameraInfo(header=message.header)
        client.spin_until(lambda: 'K[0] = 0' in node.log, every=camera)
        camera.change_info = lambda message: message
        assert _far_m(_comes_out(client, camera)) == pytest.approx(5.0)
        assert node.stop() == 0


def test_a_clock_that_jumps_back_changes_nothing(client, tmp_path, red_disparity_model):
    """As where a bag is played in a loop."""
    clock = client.create_publisher(Clock, '/clock', 1)
    camera = Camera(client)

    def publish():
        camera()
        now = Clock()
        now.clock.sec = camera.second
        clock.publish(now)

    parameters = {'model': red_disparity_model, 'use_sim_time': 'true', 'max_rate_hz': 50}
    with running_node(tmp_path / 'log', **parameters) as node:
        client.spin_until(
            lambda: 'nothing is published on /clock' in client.status.message, every=camera
        )
        assert (client.status.level, 'ahead of' in client.status.message) == (WARN, False)
        camera.second = 1000
        client.spin_until(lambda: any(s > 1002 for s in client.received[DEPTH]), every=publish)
        camera.second = 10
        client.spin_until(
            lambda: any(12 < s < 1000 for s in client.received[DEPTH]), every=publish
        )
        client.statuses.clear()
        client.spin_until(lambda: len(client.statuses) > 1, every=publish)
        assert client.status.level == OK, client.status.message
        assert node.stop() == 0


def test_a_consumer_that_never_reads_holds_nobody_up(client, tmp_path, red_disparity_model):
    code = (
        'import rclpy, time\n'
        'from sensor_msgs.msg import PointCloud2\n'
        'rclpy.init(); node = rclpy.create_node("sleeper")\n'
        'node.create_subscription(PointCloud2, "points", print, 1)\n'
        'print("here", flush=True); time.sleep(1000)\n'
    )
    sleeper = subprocess.Popen([sys.executable, '-c', code], stdout=subprocess.PIPE, text=True)
    try:
        assert sleeper.stdout.readline() == 'here\n'
        camera = Camera(client)
        with running_node(tmp_path / 'log', model=red_disparity_model) as node:
            client.spin_until(lambda: '/points: a subscriber came, 2 now' in node.log)
            sleeper.send_signal(signal.SIGSTOP)
            client.forget()
            client.spin_for(3, every=camera)
            assert len(client.received[DEPTH]) > 15  # of 30
            sleeper.send_signal(signal.SIGCONT)
            assert node.stop() == 0
    finally:
        sleeper.send_signal(signal.SIGCONT)
        sleeper.send_signal(signal.SIGINT)
        sleeper.wait(30)


def test_a_model_file_that_is_replaced_or_truncated_meanwhile_is_noticed_at_configuration(
    client, tmp_path, red_disparity_model
):
    camera = Camera(client)
    model = tmp_path / 'model.onnx'
    shutil.copy(red_disparity_model, model)
    with running_node(tmp_path / 'log', model=model) as node:
        _comes_out(client, camera)
        whole = model.read_bytes()
        model.write_bytes(whole[: len(whole) // 2])
        _comes_out(client, camera)
        assert client.change_state(Transition.TRANSITION_DEACTIVATE)
        assert client.change_state(Transition.TRANSITION_CLEANUP)
        assert not client.change_state(Transition.TRANSITION_CONFIGURE)
        assert 'model.onnx' in node.log.splitlines()[-1]
        model.write_bytes(whole)
        assert client.change_state(Transition.TRANSITION_CONFIGURE)
        assert client.change_state(Transition.TRANSITION_ACTIVATE)
        client.forget()
        assert _far_m(_comes_out(client, camera)) == pytest.approx(5.0)


def _with_blue(message):
    pixels = np.frombuffer(message.data, np.uint8).reshape(HEIGHT, WIDTH, 3).copy()
    pixels[..., 2] = 255
    message.data = array('B', pixels.tobytes())
    return message


def test_an_engine_that_raises_loses_that_frame_and_no_more(client, tmp_path):
    camera = Camera(client)
    parameters = {'model': write_failing_model(tmp_path / 'failing.onnx')}
    with running_node(tmp_path / 'log', backend='onnxruntime', **parameters) as node:
        _comes_out(client, camera)
        camera.change_image = _with_blue
        client.spin_until(lambda: 'frame dropped: Error in execution' in node.log, every=camera)
        client.spin_for(0.5, every=camera)
        # Where it lies is for whoever mends it, and said once.
        assert node.log.count('Traceback (most recent call last)') == 1
        camera.change_image = lambda message: message
        assert _far_m(_comes_out(client, camera)) == pytest.approx(5.0)
        assert node.stop() == 0


def test_an_engine_that_goes_on_raising_ends_in_an_error_state_where_that_is_wanted(
    client, tmp_path
):
    camera = Camera(client)
    parameters = {'model': write_failing_model(tmp_path / 'failing.onnx'), 'give_up_after': 5}
    with running_node(tmp_path / 'log', backend='onnxruntime', **parameters) as node:
        _comes_out(client, camera)
        camera.change_image = _with_blue
        client.spin_until(lambda: 'frames in a row failed' in client.status.message, every=camera)
        assert client.status.level == ERROR
        assert client.state() == 'unconfigured'
        camera.change_image = lambda message: message
        assert client.change_state(Transition.TRANSITION_CONFIGURE)
        assert client.change_state(Transition.TRANSITION_ACTIVATE)
        _comes_out(client, camera)
        client.spin_until(lambda: _is_well(client.status), every=camera)
        assert node.stop() == 0


# What a driver with a fault, or somebody with bad intent, may put into the fields of an Image.
MALFORMED = st.builds(
    Image,
    width=st.sampled_from([0, 1, WIDTH, WIDTH + 1, 2**16, 2**32 - 1]),
    height=st.sampled_from([0, 1, HEIGHT, HEIGHT + 1, 2**16, 2**32 - 1]),
    encoding=st.sampled_from(['', 'rgb8', 'bayer_rggb8', 'nv12', 'yuv422', '32FC1', 'x' * 99]),
    step=st.sampled_from([0, 1, WIDTH, 3 * WIDTH - 1, 2**32 - 1]),
    is_bigendian=st.sampled_from([0, 1, 255]),
    data=st.sampled_from([b'', b'\0', bytes(3 * WIDTH), bytes(3 * WIDTH * HEIGHT - 1)]).map(
        lambda data: array('B', data)
    ),
)


def _malformed(count):
    found = []

    @settings(max_examples=500, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
    @given(MALFORMED)
    def collect(message):
        message.header.frame_id = FRAME_ID
        found.append(message)

    collect()
    return [found[number % len(found)] for number in range(count)]


@pytest.mark.slow
def test_among_ten_thousand_malformed_images_every_good_one_comes_out(
    client, tmp_path, red_disparity_model
):
    """Each good one is sent when the one before is out, with malformed ones behind it."""
    every, good = 20, 500
    malformed = iter(_malformed(every * good))
    # Nothing may get lost on the way here: this is of the node, not of the transport.
    sender = client.create_publisher(Image, '/fuzzed', QoSProfile(depth=100))
    override = 'qos_overrides./fuzzed.subscription'
    parameters = {f'{override}.reliability': 'reliable', f'{override}.depth': 100}
    with running_node(
        tmp_path / 'log', remaps={'image': '/fuzzed'}, model=red_disparity_model, **parameters
    ) as node:
        client.spin_until(
            lambda: client.received[DEPTH],
            every=lambda: (client.publish(info(1)), sender.publish(image(0))),
        )
        client.forget()
        for second in range(1, good + 1):
            # It waits or is computed while the others come.
            sender.publish(image(second))
            for message in islice(malformed, every):
                sender.publish(message)
            client.spin_until(lambda second=second: second in client.received[DEPTH])
        assert 'frame dropped' in node.log
        assert 'Traceback' not in node.log
        assert node.stop() == 0
