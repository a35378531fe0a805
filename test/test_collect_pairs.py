"""The collector over real DDS: a rig of known grey levels in, its pair folder out."""

from __future__ import annotations

from array import array
import os
import signal

import cv2
import numpy as np
import pytest
import rclpy
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CameraInfo, CompressedImage, Image

from monodepth_ros.core.camera import Intrinsics, StereoCalibration
from monodepth_ros.storage.pair_folder import PairFolder, VIEWS
from test.helpers.live_node import running_node, SpinningNode
from test.helpers.shared_memory_watch import nothing_left_in_shared_memory

WIDTH, HEIGHT = 64, 48
FOCAL_PX, BASELINE_M = 60.0, 0.25
CALIBRATION = StereoCalibration(
    Intrinsics(FOCAL_PX, FOCAL_PX, 31.5, 23.5, WIDTH, HEIGHT), BASELINE_M
)
LATCHED = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
SECOND_NS = 1_000_000_000
PERIOD_NS = SECOND_NS // 10
# An arbitrary moment: nothing may depend on stamps being near the time of day.
START_NS = 1_000 * SECOND_NS


@pytest.fixture(autouse=True)
def graph(monkeypatch):
    monkeypatch.setenv('ROS_DOMAIN_ID', str(1 + os.getpid() % 100))
    # A killed process leaves its shared memory behind, so none may be used: UDP alone, which the
    # range LOCALHOST would overrule.
    monkeypatch.setenv('ROS_AUTOMATIC_DISCOVERY_RANGE', 'SYSTEM_DEFAULT')
    monkeypatch.setenv('FASTDDS_BUILTIN_TRANSPORTS', 'UDPv4')
    with nothing_left_in_shared_memory():
        rclpy.init()
        yield
        rclpy.try_shutdown()


class Rig(SpinningNode):
    """Publishes pairs whose grey level tells number and view; their stamps go on for ever."""

    def __init__(
        self,
        *,
        image=Image,
        name='image',
        latched=False,
        reliability=ReliabilityPolicy.RELIABLE,
    ) -> None:
        super().__init__('rig')
        suffix, self._kind = ('', Image) if image is Image else ('/compressed', CompressedImage)
        qos = QoSProfile(depth=10, reliability=reliability)
        self._images = {
            view: self.create_publisher(self._kind, f'{view}/{name}{suffix}', qos)
            for view in VIEWS
        }
        self._infos = {
            view: self.create_publisher(
                CameraInfo, f'{view}/camera_info', LATCHED if latched else 5
            )
            for view in VIEWS
        }
        self.number = 0
        self.stamped, self.lag_ns, self.with_info = True, 0, not latched
        self.focal_px, self.baseline_m = FOCAL_PX, BASELINE_M

    def publish_infos(self):
        """The calibration of both views, once."""
        for view, publisher in self._infos.items():
            f, shift = self.focal_px, FOCAL_PX * self.baseline_m if view == 'right' else 0.0
            k = [f, 0.0, 31.5, 0.0, f, 23.5, 0.0, 0.0, 1.0]
            p = [FOCAL_PX, 0.0, 31.5, -shift, 0.0, FOCAL_PX, 23.5, 0.0, 0.0, 0.0, 1.0, 0.0]
            publisher.publish(CameraInfo(width=WIDTH, height=HEIGHT, k=k, p=p))

    def publish_pair(self):
        """The next pair."""
        if self.with_info:
            self.publish_infos()
        self.number += 1
        for view, publisher in self._images.items():
            message = self._image(_level(self.number, view))
            stamp = START_NS + self.number * PERIOD_NS + (self.lag_ns if view == 'right' else 0)
            if self.stamped:
                message.header.stamp.sec, message.header.stamp.nanosec = divmod(stamp, SECOND_NS)
            publisher.publish(message)

    def _image(self, level):
        pixels = np.full((HEIGHT, WIDTH), level, np.uint8)
        if self._kind is CompressedImage:
            data = array('B', cv2.imencode('.png', pixels)[1].tobytes())
            return CompressedImage(format='mono8; png compressed', data=data)
        data = array('B', pixels.tobytes())
        return Image(width=WIDTH, height=HEIGHT, encoding='mono8', step=WIDTH, data=data)


def _level(number, view):
    return 10 * (number % 20) + (5 if view == 'right' else 0)


def _collecting(tmp_path, folder, **parameters):
    return running_node(
        tmp_path / 'log', module='monodepth_ros.collect_pairs', folder=folder, **parameters
    )


def _stamps(folder):
    """What has been committed so far, in ns."""
    file = folder / 'timestamps.txt'
    return [int(line.split()[1]) for line in file.open()] if file.exists() else []


def _assert_pairs(folder):
    """Every committed pair is whole and carries the grey levels that its stamp says."""
    pairs = PairFolder(folder)
    assert pairs.calibration == CALIBRATION
    stamps = pairs.stamps_ns()
    assert list(stamps.values()) == sorted(stamps.values())
    for name, stamp in stamps.items():
        number, rest = divmod(stamp - START_NS, PERIOD_NS)
        assert rest == 0
        for view, image in zip(VIEWS, pairs.read_pair(name), strict=True):
            np.testing.assert_allclose(image, _level(number, view), atol=1)


@pytest.mark.parametrize(
    ('image', 'transport', 'latched'),
    [(Image, 'raw', False), (CompressedImage, 'compressed', True)],
)
def test_known_pairs_arrive_whole_in_order_with_their_stamps(tmp_path, image, transport, latched):
    rig = Rig(image=image, latched=latched)
    rig.lag_ns = 3_000_000
    rig.publish_infos()
    folder = tmp_path / 'pairs'

    def publish():
        # A K that trembles is no other camera: its corners move by 0.03 px.
        rig.focal_px = FOCAL_PX + 0.05 * (rig.number % 2)
        rig.publish_pair()

    with _collecting(tmp_path, folder, image_transport=transport, max_rate_hz=20) as node:
        rig.spin_until(lambda: len(_stamps(folder)) >= 8, every=publish)
        assert node.stop() == 0
    assert 'camera_info changed' not in node.log
    _assert_pairs(folder)
    assert f'{len(_stamps(folder))} pairs written' in node.log
    assert 'Traceback' not in node.log
    assert 'rosout' not in node.log
    assert 'incompatible' not in node.log
    left = cv2.imread(str(next((folder / 'left').iterdir())), cv2.IMREAD_UNCHANGED)
    assert left.shape == (HEIGHT, WIDTH)  # grey stays grey


def test_the_rate_is_that_of_the_stamps(tmp_path):
    rig, folder = Rig(), tmp_path / 'pairs'
    with _collecting(tmp_path, folder, max_rate_hz=2) as node:
        rig.spin_until(lambda: len(_stamps(folder)) >= 5, every=rig.publish_pair)
        assert node.stop() == 0
    # A pair may be half a period early, where a camera jitters.
    assert min(np.diff(_stamps(folder))) >= 2.5 * PERIOD_NS
    assert np.mean(np.diff(_stamps(folder))[1:]) >= 5 * PERIOD_NS
    assert 'above max_rate_hz' in node.log
    _assert_pairs(folder)


def test_a_kill_loses_nothing_and_the_next_start_goes_on(tmp_path):
    rig, folder = Rig(), tmp_path / 'pairs'
    with _collecting(tmp_path, folder) as node:
        rig.spin_until(lambda: len(_stamps(folder)) >= 5, every=rig.publish_pair)
        for _ in range(8):  # something is always waiting to be written
            rig.publish_pair()
        node.process.send_signal(signal.SIGKILL)
        node.process.wait()
    killed = _stamps(folder)
    _assert_pairs(folder)
    before = {path: path.read_bytes() for path in folder.glob('*/*.jpg')}
    with _collecting(tmp_path, folder) as node:
        rig.spin_until(lambda: len(_stamps(folder)) >= len(killed) + 3, every=rig.publish_pair)
        assert node.stop() == 0
    assert _stamps(folder)[: len(killed)] == killed
    assert all(path.read_bytes() == data for path, data in before.items())
    _assert_pairs(folder)
    _refuses_another_calibration(tmp_path, rig, folder)


def _refuses_another_calibration(tmp_path, rig, folder):
    rig.baseline_m = 2 * BASELINE_M
    with _collecting(tmp_path, folder) as node:
        rig.spin_until(lambda: node.process.poll() is not None, every=rig.publish_pair)
        assert node.stop() == 1
    assert node.log.count('pairs of another calibration') == 1
    assert 'Traceback' not in node.log
    _assert_pairs(folder)


def test_the_quota_ends_the_collection(tmp_path):
    rig, folder = Rig(), tmp_path / 'pairs'
    with _collecting(tmp_path, folder, quota_gb=6e-6) as node:
        rig.spin_until(lambda: node.process.poll() is not None, every=rig.publish_pair)
        assert node.stop() == 0
    assert node.log.count('quota_gb is 6e-06: collection is complete') == 1
    assert sum(path.stat().st_size for path in folder.rglob('*') if path.is_file()) <= 6000
    _assert_pairs(folder)


def test_what_is_wrong_is_said_with_the_remedy_and_the_next_good_pair_is_written(tmp_path):
    folder = tmp_path / 'pairs'
    with _collecting(tmp_path, folder, tolerance_ms=5) as node:

        def said(*words):
            return lambda: all(word in node.log for word in words)

        elsewhere = Rig(image=CompressedImage)
        topics = 'Image topics now: /left/image/compressed, /right/image/compressed'
        elsewhere.spin_until(said('nobody publishes /left/image;', topics))
        elsewhere.destroy_node()
        rig = Rig()
        rig.with_info = False
        rig.spin_until(said('no camera_info on /right/camera_info'), every=rig.publish_pair)
        rig.with_info, rig.focal_px = True, 0.0
        uncalibrated = '/left/camera_info: camera_info has K[0] = 0 (uncalibrated)'
        rig.spin_until(said(uncalibrated), every=rig.publish_pair)
        rig.focal_px, rig.lag_ns = FOCAL_PX, 40_000_000
        rig.spin_until(
            said('was 40.0 ms away, tolerance_ms is 5; trigger'), every=rig.publish_pair
        )
        assert not _stamps(folder)
        rig.lag_ns = 0
        rig.spin_until(lambda: _stamps(folder), every=rig.publish_pair)
    _assert_pairs(folder)


@pytest.mark.parametrize(
    ('name', 'parameters'), [('image', {'rectified': 'true'}), ('image_rect', {})]
)
def test_rectified_images_are_taken_as_they_are(tmp_path, name, parameters):
    rig, folder = Rig(name=name), tmp_path / 'pairs'
    rig.focal_px = FOCAL_PX / 2  # K of the raw camera; P describes the rectified images
    remaps = {f'{view}/image': f'{view}/{name}' for view in VIEWS}
    with _collecting(tmp_path, folder, remaps=remaps, **parameters):
        rig.spin_until(lambda: len(_stamps(folder)) >= 2, every=rig.publish_pair)
    _assert_pairs(folder)


def test_zero_stamps_are_replaced_by_the_time_of_arrival(tmp_path):
    rig, folder = Rig(), tmp_path / 'pairs'
    rig.stamped = False
    with _collecting(tmp_path, folder, tolerance_ms=90, max_rate_hz=100) as node:
        rig.spin_until(lambda: len(_stamps(folder)) >= 3, every=rig.publish_pair)
    assert min(_stamps(folder)) > START_NS
    assert node.log.count('has zero stamps') == 1


def test_an_incompatible_qos_is_explained(tmp_path):
    rig = Rig(reliability=ReliabilityPolicy.BEST_EFFORT)
    reliable = {'qos_overrides./left/image.subscription.reliability': 'reliable'}
    with _collecting(tmp_path, tmp_path / 'pairs', **reliable) as node:
        rig.spin_until(
            lambda: '/left/image has an incompatible QoS' in node.log, every=rig.publish_pair
        )
        assert 'leave out the parameters qos_overrides./left/image.subscription' in node.log


@pytest.mark.parametrize(
    ('parameters', 'words'),
    [
        ({'tolerance_ms': 0}, 'tolerance_ms is 0, expected a positive number'),
        ({'folder': '/proc/pairs'}, 'cannot be created'),
    ],
)
def test_what_cannot_be_ends_the_collector_at_once(tmp_path, parameters, words):
    with _collecting(tmp_path, **{'folder': tmp_path / 'pairs'} | parameters) as node:
        assert node.process.wait(30) == 1
    assert words in node.log
    assert 'Traceback' not in node.log
