"""The node among others: parameters that change, calibrations, QoS, diagnostics; over real DDS."""

from __future__ import annotations

from array import array
from collections import defaultdict
from itertools import cycle

from lifecycle_msgs.msg import Transition
import numpy as np
import pytest
from rcl_interfaces.msg import Parameter, ParameterType, ParameterValue
from rcl_interfaces.srv import SetParameters
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CameraInfo, Image

from monodepth_ros.messages.decode import depth_m_from_image
from monodepth_ros.messages.topics import DEPTH
from test.helpers.camera_messages import HEIGHT, image, info, K, P, pixels, WIDTH
from test.helpers.live_node import running_node

OK, WARN, ERROR = b'\x00', b'\x01', b'\x02'
FAR_PIXEL = 60, 50  # 5 m
KINDS = {
    bool: ('bool_value', ParameterType.PARAMETER_BOOL),
    int: ('integer_value', ParameterType.PARAMETER_INTEGER),
    float: ('double_value', ParameterType.PARAMETER_DOUBLE),
    str: ('string_value', ParameterType.PARAMETER_STRING),
}


class Stamps:
    """Publishes the camera's topics, each image with the next second as its stamp."""

    def __init__(self, client, *, with_info=True, image_at=image):
        self.second = 0
        self._image_at = image_at
        self._client = client
        self._with_info = with_info

    def __call__(self):
        self.second += 1
        messages = [info(self.second)] if self._with_info else []
        self._client.publish(*messages, self._image_at(self.second))


@pytest.fixture
def set_parameters(client):
    """Sets parameters in the order given; returns the reasons, '' for each that was taken."""
    service = client.create_client(SetParameters, 'depth_node/set_parameters')

    def call(**values):
        request = SetParameters.Request()
        for name, value in values.items():
            field, kind = KINDS[type(value)]
            request.parameters.append(
                Parameter(name=name, value=ParameterValue(type=kind, **{field: value}))
            )
        answer = client.call(service, request)
        return [result.reason if not result.successful else '' for result in answer.results]

    return call


def _values(status):
    return {value.key: value.value for value in status.values}


def _far_m(client, camera):
    """The depth of what is 5 m away in a frame that is sent from now on."""
    first = camera.second + 3  # what was sent before may still be on its way
    client.spin_until(lambda: any(s >= first for s in client.received[DEPTH]), every=camera)
    newest = max(client.received[DEPTH])
    return float(depth_m_from_image(client.received[DEPTH][newest])[FAR_PIXEL])


def test_parameters_change_the_next_frames(client, tmp_path, red_disparity_model, set_parameters):
    camera = Stamps(client)
    with running_node(tmp_path / 'log', model=red_disparity_model) as node:
        assert _far_m(client, camera) == pytest.approx(5.0)
        # An integer for a fraction.
        assert set_parameters(max_depth_m=4) == ['']
        assert _far_m(client, camera) == np.inf
        assert set_parameters(max_depth_m=0.0, depth_encoding='16UC1') == ['', '']
        assert _far_m(client, camera) == pytest.approx(5.0)
        assert client.received[DEPTH][max(client.received[DEPTH])].encoding == '16UC1'
        assert node.stop() == 0


def test_a_change_that_cannot_be_is_refused_with_the_reason(
    client, tmp_path, red_disparity_model, set_parameters
):
    camera = Stamps(client)
    with running_node(tmp_path / 'log', model=red_disparity_model):
        assert _far_m(client, camera) == pytest.approx(5.0)
        reasons = set_parameters(
            points_stride=0, color_near_m=70.0, output_size='third', model='other.onnx'
        )
        words = (
            'points_stride out of range',
            'color_near_m and color_far_m are 70 and 60',
            "output_size is 'third', expected one of",
            'model is read when the node is configured',
        )
        for reason, expected in zip(reasons, words, strict=True):
            assert expected in reason
        assert _far_m(client, camera) == pytest.approx(5.0)


def test_without_a_model_it_stays_unconfigured_and_says_why_until_it_is_given_one(
    client, tmp_path, red_disparity_model, set_parameters
):
    with running_node(tmp_path / 'log', autostart='false'):
        assert not client.change_state(Transition.TRANSITION_CONFIGURE)
        assert client.state() == 'unconfigured'
        client.spin_until(lambda: client.status.level == ERROR)
        assert 'model' in client.status.message
        assert set_parameters(model=str(red_disparity_model)) == ['']
        assert client.change_state(Transition.TRANSITION_CONFIGURE)
        client.statuses.clear()
        client.spin_until(lambda: bool(client.statuses))
        assert (client.status.level, client.status.message) == (OK, 'inactive')
        assert _values(client.status)['network input'] == '128 x 64'


def test_diagnostics_tell_rates_latency_and_what_was_dropped(
    client, tmp_path, red_disparity_model
):
    camera, bad = Stamps(client), image(0, step=3 * WIDTH + 1)
    turns = cycle([camera, lambda: client.publish(bad)])
    with running_node(tmp_path / 'log', model=red_disparity_model):

        def has_figures():
            values = _values(client.status)
            rate_hz = float(values.get('depth images out (Hz)', 0))
            return rate_hz > 3 and 'dropped: not usable' in values

        client.spin_until(has_figures, every=lambda: next(turns)())
        values = _values(client.status)
        assert (client.status.level, client.status.message[:15]) == (WARN, 'frame dropped: ')
        assert client.status.hardware_id == '/image'
        assert float(values['images in (Hz)']) > float(values['depth images out (Hz)'])
        for stage in ('preprocess', 'inference', 'postprocess', 'publish', 'total'):
            assert len(values[f'{stage} p50, p95, max (ms)'].split(', ')) == 3
        # Stamps of 1970.
        assert values['transport p50, p95, max (ms)'] == 'unavailable'
        client.statuses.clear()
        client.spin_until(lambda: client.status.level == ERROR)
        assert 'no image for' in client.status.message


def test_a_camera_unlike_those_of_training_is_told(client, tmp_path, red_disparity_model):
    tele = info(1)
    tele.k[0] = tele.k[4] = tele.p[0] = tele.p[5] = 3 * 64.0
    with running_node(tmp_path / 'log', model=red_disparity_model):
        client.spin_until(
            lambda: 'pixels of this camera are 3.0 times finer' in client.status.message,
            every=lambda: client.publish(tele, image(1)),
        )
        assert client.status.level == WARN
        # Its principal point is the middle of 320 x 240 px: a calibration at twice the size.
        tele.k[2], tele.k[5] = 159.5, 119.5
        client.spin_until(
            lambda: 'they are those of 320 x 240 px' in client.status.message,
            every=lambda: client.publish(tele, image(1)),
        )
        assert client.status.level == WARN


def test_a_camera_of_12_bits_is_seen_in_its_brightness_and_what_is_assumed_is_told(
    client, tmp_path, red_disparity_model
):
    def deep(second):
        message = image(second, step=6 * WIDTH)
        numbers = pixels().astype('<u2') * 16
        message.encoding, message.data = 'rgb16', array('B', numbers.tobytes())
        return message

    camera = Stamps(client, image_at=deep)
    with running_node(tmp_path / 'log', model=red_disparity_model) as node:
        assert _far_m(client, camera) == pytest.approx(5.0)
        said = '16-bit images', 'taken as 12 bits (white is 4095), the brightest so far is 4080'
        client.spin_until(
            lambda: said in [(v.key, v.value) for v in client.status.values], every=camera
        )
        assert node.log.count('taken as 12 bits') == 1


def test_the_age_of_an_image_counts_where_its_stamp_is_of_this_clock(
    client, tmp_path, red_disparity_model
):
    def publish():
        message, calibration = image(0), info(0)
        message.header.stamp = calibration.header.stamp = client.get_clock().now().to_msg()
        client.publish(calibration, message)

    def transport():
        values = _values(client.status)
        return values.get('transport p50, p95, max (ms)', 'unavailable')

    with running_node(tmp_path / 'log', model=red_disparity_model):
        client.spin_until(lambda: transport() != 'unavailable', every=publish)
        assert 0 < float(transport().split(', ')[0]) < 10_000


def test_a_calibration_that_was_published_once_before_is_found(
    client, tmp_path, red_disparity_model
):
    latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
    client.create_publisher(CameraInfo, '/late/camera_info', latched).publish(info(1))
    camera = Stamps(client, with_info=False)
    remaps = {'camera_info': '/late/camera_info'}
    with running_node(tmp_path / 'log', remaps=remaps, model=red_disparity_model):
        assert _far_m(client, camera) == pytest.approx(5.0)
        client.spin_until(lambda: 'camera_info (Hz)' in _values(client.status), every=camera)
        assert _values(client.status)['camera_info (Hz)'] == 'latched'


def test_a_calibration_that_is_published_once_after_another_is_found(
    client, tmp_path, red_disparity_model
):
    """As by a driver that was started anew: it speaks before anybody could have found it."""
    latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
    driver = client.create_publisher(CameraInfo, '/late/camera_info', latched)
    camera = Stamps(client, with_info=False)
    remaps = {'camera_info': '/late/camera_info'}
    other = info(1)
    other.width += 2
    with running_node(tmp_path / 'log', remaps=remaps, model=red_disparity_model) as node:
        client.spin_until(driver.get_subscription_count)
        driver.publish(other)
        client.spin_until(lambda: 'expected 162 x 120' in node.log, every=camera)
        client.destroy_publisher(driver)
        client.create_publisher(CameraInfo, '/late/camera_info', latched).publish(info(1))
        assert _far_m(client, camera) == pytest.approx(5.0)


def test_a_calibration_file_stands_in_for_a_driver_without_one(
    client, tmp_path, red_disparity_model
):
    rows = {'camera_matrix': K, 'projection_matrix': P, 'distortion_coefficients': [0.0] * 5}
    rows['rectification_matrix'] = [1.0, 0, 0, 0, 1.0, 0, 0, 0, 1.0]
    lines = [f'image_width: {WIDTH}', f'image_height: {HEIGHT}', 'distortion_model: plumb_bob']
    lines += [f'{name}: {{data: {list(map(float, data))}}}' for name, data in rows.items()]
    path = tmp_path / 'camera.yaml'
    path.write_text('\n'.join(lines))
    camera = Stamps(client, with_info=False)
    parameters = {'model': red_disparity_model, 'camera_info_file': path}
    with running_node(tmp_path / 'log', **parameters):
        assert _far_m(client, camera) == pytest.approx(5.0)
        client.spin_until(lambda: 'images that arrive (%)' in _values(client.status), every=camera)
        assert 'camera_info (Hz)' not in _values(client.status)


def test_a_calibration_file_that_is_none_ends_the_start_with_the_reason(
    client, tmp_path, red_disparity_model
):
    parameters = {'model': red_disparity_model, 'camera_info_file': tmp_path / 'none.yaml'}
    with running_node(tmp_path / 'log', **parameters) as node:
        assert node.process.wait(30) == 1
        assert 'none.yaml not found' in node.log
        assert 'Traceback' not in node.log


def test_no_more_images_than_wanted_are_computed(client, tmp_path, red_disparity_model):
    camera = Stamps(client)
    with running_node(tmp_path / 'log', model=red_disparity_model, max_rate_hz=2):
        _far_m(client, camera)
        client.forget()
        client.spin_for(3, every=camera)
        # 30 are sent. At 2 Hz 6 come out, and one more by where the 3 s begin.
        assert 3 <= len(client.received[DEPTH]) <= 8


def test_a_quality_of_service_that_does_not_fit_is_named_with_the_remedy(
    client, tmp_path, red_disparity_model
):
    best_effort = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
    sender = client.create_publisher(Image, '/lossy', best_effort)
    parameters = {
        'model': red_disparity_model,
        'qos_overrides./lossy.subscription.reliability': 'reliable',
    }
    with running_node(tmp_path / 'log', remaps={'image': '/lossy'}, **parameters) as node:
        client.spin_until(
            lambda: 'a publisher of /lossy has an incompatible reliability' in node.log,
            every=lambda: sender.publish(image(1)),
        )
        assert '`-p qos_overrides./lossy.subscription.reliability:=...`' in node.log


def test_who_comes_and_goes_is_logged(client, tmp_path, red_disparity_model):
    with running_node(tmp_path / 'log', model=red_disparity_model) as node:
        sender = client.create_publisher(Image, '/image', 1)
        client.spin_until(lambda: '/image: a publisher came, 2 now' in node.log)
        client.destroy_publisher(sender)
        client.spin_until(lambda: '/image: a publisher went, 1 now' in node.log)


def test_several_cameras_are_served_by_one_node_however_fast_one_of_them_is(
    client, tmp_path, red_disparity_model
):
    """Their views are of different widths, so that the network's input changes at every turn."""
    wide = info(1)
    wide.k[0] = wide.k[4] = wide.p[0] = wide.p[5] = 40.0
    images, infos, depths = {}, {'left': info(1), 'right': wide}, defaultdict(list)
    for name, calibration in infos.items():
        images[name] = client.create_publisher(Image, f'{name}/image', 5)
        infos[name] = client.create_publisher(CameraInfo, f'{name}/camera_info', 5), calibration
        client.create_subscription(
            Image, f'{name}/{DEPTH}', lambda m, name=name: depths[name].append(m), 10
        )
    turns = cycle(['left', 'left', 'left', 'right'])

    def publish():
        name = next(turns)
        sender, calibration = infos[name]
        sender.publish(calibration)
        images[name].publish(image(1))

    parameters = {'model': red_disparity_model, 'cameras': "'left right'"}
    with running_node(tmp_path / 'log', **parameters) as node:
        client.spin_until(lambda: all(len(depths[name]) > 4 for name in images), every=publish)
        names = {'depth_node: left depth', 'depth_node: right depth'}
        client.spin_until(lambda: {status.name for status in client.statuses} >= names)
        assert node.stop() == 0
    for name in images:
        for message in depths[name]:
            assert depth_m_from_image(message)[FAR_PIXEL] == pytest.approx(5.0, rel=1e-4)
