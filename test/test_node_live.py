"""The node over real DDS: known disparity in, right metric depth out of another camera."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
import re

import cv2
from lifecycle_msgs.msg import Transition
import numpy as np
import pytest
from sensor_msgs.msg import CompressedImage, Image

from monodepth_ros.core.bit_depth import BitDepth
from monodepth_ros.core.colors import DepthColors
from monodepth_ros.messages import decode
from monodepth_ros.messages.decode import depth_m_from_image
from monodepth_ros.messages.topics import (
    ALIGNED,
    CLEARING,
    COLORED,
    CONFIDENCE,
    DEPTH,
    DISPARITY,
    INFO,
    OUTPUTS,
    POINTS,
)
from test.helpers.camera_messages import (
    D,
    FAR_GREEN,
    FAR_RED,
    FRAME_ID,
    HEIGHT,
    image,
    info,
    K,
    NEAR_GREEN,
    NEAR_RED,
    P,
    png,
    WIDTH,
)
from test.helpers.live_node import Client, running_node
from test.helpers.tiny_model import write_model_without_spec, write_red_disparity_model

PACKAGES = ('sensor_msgs', 'stereo_msgs')
README = (Path(__file__).parents[1] / 'README.md').read_text()


def _camera(client, make_image, second=7):
    """A callback that publishes one camera_info and one image."""
    return lambda: client.publish(info(second), make_image(second))


@pytest.mark.parametrize(('transport', 'make_image'), [('raw', image), ('compressed', png)])
def test_known_disparity_arrives_as_metric_depth(
    client, tmp_path, red_disparity_model, transport, make_image
):
    parameters = {'model': red_disparity_model, 'image_transport': transport, 'points_stride': 1}
    with running_node(tmp_path / 'log', **parameters) as node:
        client.spin_until(lambda: client.has_all(7), every=_camera(client, make_image))
        assert node.stop() == 0
    depth, info, points = (client.received[topic][7] for topic in (DEPTH, INFO, POINTS))
    for message in (depth, info, points):
        assert (message.header.stamp.sec, message.header.frame_id) == (7, FRAME_ID)
    assert (info.width, info.height, list(info.p)) == (WIDTH, HEIGHT, P)
    assert not any(info.d)
    # Z = 64 px * 0.5 m / (red / 1020 * 128 px): 1.25 m for 204, 5 m for 51.
    depth_m = depth_m_from_image(depth)
    near, far = depth_m[40:80, 90:130], depth_m[40:80, 40:75]
    np.testing.assert_allclose(near, 1.25, rtol=1e-4)
    np.testing.assert_allclose(far, 5.0, rtol=1e-4)
    # Where the raw image's edge between columns 79 and 80 lies in the rectified one; a network
    # pixel is 1.25 of its pixels wide.
    edge = cv2.undistortPoints(
        np.array([[[79.5, 55.0]]]), np.reshape(K, (3, 3)), np.array(D), P=np.reshape(P, (3, 4))
    )[0, 0]
    first_near = int(np.flatnonzero(depth_m[round(edge[1])] < 2)[0])
    assert abs(first_near - edge[0]) < 1.3
    _assert_points_lie_on(points, depth_m)


def _assert_points_lie_on(points, depth_m):
    xyz = np.frombuffer(points.data, np.float32).reshape(HEIGHT, WIDTH, 4)
    v, u = 60, 100
    z = depth_m[v, u]
    expected = [(u - P[2]) / P[0] * z, (v - P[6]) / P[5] * z, z]
    np.testing.assert_allclose(xyz[v, u, :3], expected, rtol=1e-5)
    color = xyz[v, u, 3:].tobytes()
    assert color == bytes([0, NEAR_GREEN, NEAR_RED, 0])


def test_every_output_is_in_the_geometry_of_its_camera_info(client, tmp_path):
    model = write_red_disparity_model(tmp_path / 'sure.onnx', confidence=True)
    with _listener(OUTPUTS) as everything, running_node(tmp_path / 'log', model=model):
        everything.spin_until(lambda: everything.has_all(7), every=_camera(everything, image))
        got = {topic: kept[7] for topic, kept in everything.received.items()}
    for message in got.values():
        assert (message.header.stamp.sec, message.header.frame_id) == (7, FRAME_ID)
    depth_m = depth_m_from_image(got[DEPTH])
    disparity, confidence = got[DISPARITY], depth_m_from_image(got[CONFIDENCE])
    assert (disparity.f, disparity.t) == (P[0], 0.5)
    disparity_px = depth_m_from_image(disparity.image)
    seen = np.isfinite(depth_m)
    np.testing.assert_allclose(disparity_px[seen], P[0] * 0.5 / depth_m[seen], rtol=1e-6)
    assert not disparity_px[~seen].any()
    assert disparity.valid_window.width == np.ptp(np.flatnonzero(seen.any(axis=0))) + 1
    # The green of the near half is 102 of 255, that of the far half 255.
    np.testing.assert_allclose(confidence[40:80, 90:130], 0.4, rtol=1e-5)
    np.testing.assert_allclose(confidence[40:80, 40:75], 1.0, rtol=1e-5)
    painted = decode.image_rgb(got[COLORED], BitDepth())
    np.testing.assert_array_equal(painted, DepthColors().paint(depth_m))
    aligned = decode.image_rgb(got[ALIGNED], BitDepth())
    assert aligned[60, 100].tolist() == [NEAR_RED, NEAR_GREEN, 0]
    assert aligned[60, 50].tolist() == [FAR_RED, FAR_GREEN, 0]


def test_a_topic_of_rectified_images_is_taken_by_p_and_its_cloud_is_in_the_frame_it_names(
    client, tmp_path, red_disparity_model
):
    sender = client.create_publisher(Image, '/front/image_rect', 5)
    described = info(7)
    # The lens of the raw camera, which these images no longer show, and its axes, turned by 90
    # degrees about the optical axis: what is rectified to the right is up in the frame.
    described.distortion_model = 'of our own'
    described.r = [0.0, -1.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0]
    remaps = {'image': '/front/image_rect'}
    with running_node(tmp_path / 'log', remaps=remaps, model=red_disparity_model):

        def publish():
            client.publish(described)
            sender.publish(image(7))

        client.spin_until(lambda: client.has_all(7), every=publish)
        angle = 'rectified against frame_id (deg)', '90.00'
        client.spin_until(lambda: angle in [(v.key, v.value) for v in client.status.values])
    depth_m = depth_m_from_image(client.received[DEPTH][7])
    # Without distortion the border between far and near stays in the column it is in.
    np.testing.assert_allclose(depth_m[60, [40, 78]], 5, rtol=0.01)
    np.testing.assert_allclose(depth_m[60, [82, 120]], 1.25, rtol=0.01)
    cloud = client.received[POINTS][7]
    points = np.frombuffer(cloud.data, np.float32).reshape(cloud.height, cloud.width, -1)
    # Rectified x = (100 - 82) / 80 * 1.25 m is -y of the frame, y = (60 - 58) / 80 * 1.25 m its x.
    np.testing.assert_allclose(points[30, 50, :3], [0.03125, -0.28125, 1.25], rtol=0.01)


def test_points_that_clear_reach_the_range_where_the_model_is_sure(client, tmp_path):
    model = write_red_disparity_model(tmp_path / 'sure.onnx', confidence=True)
    # The far half at 5 m has a confidence of 1, the near half one of 0.4: not enough to clear.
    parameters = {'model': model, 'points_stride': 1, 'points_drop_flying': 'false'}
    for max_m in (3.0, 1.0):
        with (
            _listener([POINTS, CLEARING]) as clouds,
            running_node(tmp_path / 'log', points_max_m=max_m, **parameters),
        ):
            clouds.spin_until(
                lambda clouds=clouds: clouds.has_all(7), every=_camera(clouds, image)
            )
            points, clearing = (
                np.frombuffer(clouds.received[topic][7].data, np.float32).reshape(
                    HEIGHT, WIDTH, -1
                )[..., 2]
                for topic in (POINTS, CLEARING)
            )
        np.testing.assert_allclose(clearing[60, [100, 50]], [np.nan, max_m], rtol=1e-4)
        assert np.isnan(points[60, 50])


def test_parameters_shape_the_outputs(client, tmp_path, red_disparity_model):
    parameters = {'output_size': 'half', 'depth_encoding': '16UC1', 'max_depth_m': 4}
    points = {'points_color': 'false', 'points_stride': 2}
    with running_node(tmp_path / 'log', model=red_disparity_model, **parameters, **points):
        client.spin_until(lambda: client.has_all(7), every=_camera(client, image))
    depth, info, cloud = (client.received[topic][7] for topic in (DEPTH, INFO, POINTS))
    assert (depth.width, depth.height, depth.encoding) == (WIDTH // 2, HEIGHT // 2, '16UC1')
    # A pixel centre at u lies at (u + 0.5) / 2 - 0.5 of the halved image.
    assert list(info.k) == [40, 0, 40.75, 0, 40, 28.75, 0, 0, 1]
    depth_mm = np.frombuffer(depth.data, np.uint16).reshape(HEIGHT // 2, WIDTH // 2)
    assert set(np.unique(depth_mm[20:40, 45:65])) == {1250}
    assert not depth_mm[20:40, 20:37].any(), '5 m is beyond max_depth_m'
    assert [f.name for f in cloud.fields] == ['x', 'y', 'z']
    assert (cloud.width, cloud.height) == (WIDTH // 4, HEIGHT // 4)


def test_nobody_listening_means_nothing_is_computed(client, tmp_path, red_disparity_model):
    bad = _camera(client, lambda second: image(second, step=3 * WIDTH + 1))
    with running_node(tmp_path / 'log', model=red_disparity_model) as node:
        client.spin_until(lambda: client.has_all(7), every=_camera(client, image))
        client.stop_listening()
        client.spin_for(1, every=_camera(client, image))
        # A frame that is not looked at cannot be complained of.
        client.spin_for(1, every=bad)
        assert 'frame dropped: got' not in node.log
        with _listener([INFO]):
            client.spin_until(lambda: 'frame dropped: got' in node.log, every=bad)


@contextmanager
def _listener(topics):
    node = Client(topics)
    try:
        yield node
    finally:
        node.destroy_node()


@pytest.mark.parametrize(
    ('named', 'transport'), [('/front/rgb', 'compressed'), ('/front/rgb/compressed', 'raw')]
)
def test_a_compressed_image_is_found_by_a_remap_of_image(
    client, tmp_path, red_disparity_model, named, transport
):
    """By the name of its topic, or beside the one that is named."""
    sender = client.create_publisher(CompressedImage, '/front/rgb/compressed', 5)
    parameters = {'model': red_disparity_model, 'image_transport': transport}
    remaps = {'image': named}
    with running_node(tmp_path / 'log', remaps=remaps, **parameters):

        def publish():
            client.publish(info(7))
            sender.publish(png(7))

        client.spin_until(lambda: client.has_all(7), every=publish)


def test_a_camera_that_changes_is_said_once(client, tmp_path, red_disparity_model):
    with running_node(tmp_path / 'log', model=red_disparity_model) as node:
        client.spin_until(lambda: client.has_all(7), every=_camera(client, image))
        assert 'camera_info changed' not in node.log

        def zoomed():
            client.publish(info(8, k=[180.0, 0, 85.0, 0, 184.0, 55.0, 0, 0, 1.0]), image(8))

        client.spin_until(lambda: client.has_all(8), every=zoomed)
        client.spin_for(1, every=zoomed)
        assert node.log.count('camera_info changed') == 1


def test_the_five_transitions(client, tmp_path, red_disparity_model):
    camera = _camera(client, image)
    with running_node(tmp_path / 'log', model=red_disparity_model, autostart='false') as node:
        assert client.state() == 'unconfigured'
        for _ in range(2):  # everything works again after cleanup
            assert client.change_state(Transition.TRANSITION_CONFIGURE)
            assert client.state() == 'inactive'
            client.spin_for(0.5, every=camera)
            assert not client.received[DEPTH]
            assert client.change_state(Transition.TRANSITION_ACTIVATE)
            client.spin_until(lambda: client.has_all(7), every=camera)
            assert client.change_state(Transition.TRANSITION_DEACTIVATE)
            client.spin_for(0.3, every=camera)
            client.forget()
            client.spin_for(0.5, every=camera)
            assert not client.received[DEPTH]
            assert client.change_state(Transition.TRANSITION_CLEANUP)
            assert client.state() == 'unconfigured'
        assert client.change_state(Transition.TRANSITION_CONFIGURE)
        assert client.change_state(Transition.TRANSITION_ACTIVATE)
        assert client.change_state(Transition.TRANSITION_ACTIVE_SHUTDOWN)
        assert client.state() == 'finalized'
        assert node.stop() == 0


def test_a_transition_that_cannot_be_does_not_end_the_node(client, tmp_path, red_disparity_model):
    with running_node(tmp_path / 'log', model=red_disparity_model) as node:
        client.spin_until(lambda: client.has_all(7), every=_camera(client, image))
        # rclpy 7.1 does not answer such a request at all.
        assert not client.change_state(Transition.TRANSITION_CONFIGURE, timeout_s=2.0)
        client.forget()
        client.spin_until(lambda: client.has_all(7), every=_camera(client, image))
        assert node.stop() == 0


def test_bad_frames_are_dropped_and_the_next_good_one_comes_out(
    client, tmp_path, red_disparity_model
):
    with running_node(tmp_path / 'log', model=red_disparity_model) as node:

        def bad():
            client.publish(info(1, k=[0.0] * 9), image(1))

        client.spin_until(lambda: 'K[0] = 0' in node.log, every=bad)
        client.spin_until(
            lambda: 'expected at least 120 rows' in node.log,
            every=lambda: client.publish(info(2), image(2, step=3 * WIDTH + 1)),
        )
        client.spin_until(lambda: client.has_all(7), every=_camera(client, image))
        assert not {1, 2} & client.received[DEPTH].keys()
        # Throttled: ten bad frames a second, but not ten lines.
        assert node.log.count('K[0] = 0') < 5


def _readme_topics():
    rows = re.findall(r'^\| `(\S+)` \| `(\w+_msgs/msg/\w+)` \| (in|out)', README, re.MULTILINE)
    return {(f'/{topic}', kind, way) for topic, kind, way in rows}


def _graph_topics(client):
    found = set()
    if 'depth_node' not in client.get_node_names():
        return found
    for way, ask in (
        ('out', client.get_publisher_names_and_types_by_node),
        ('in', client.get_subscriber_names_and_types_by_node),
    ):
        topics = ask('depth_node', '/')
        found |= {(t, k, way) for t, kinds in topics for k in kinds if k.startswith(PACKAGES)}
    return found


def test_the_readme_lists_the_topics(client, tmp_path):
    topics = set()
    model = write_red_disparity_model(tmp_path / 'sure.onnx', confidence=True)
    for transport in ('raw', 'compressed'):
        parameters = {'model': model, 'image_transport': transport}
        with running_node(tmp_path / transport, **parameters):
            client.spin_until(
                lambda: any(way == 'in' and 'image' in t for t, _, way in _graph_topics(client))
            )
            topics |= _graph_topics(client)
        client.spin_until(lambda: 'depth_node' not in client.get_node_names())
    assert topics == _readme_topics()


@pytest.mark.parametrize(
    ('model', 'words'),
    [
        (lambda path: path / 'none.onnx', 'trainer export'),
        (lambda path: write_model_without_spec(path / 'without_spec.onnx'), 'has no ModelSpec'),
    ],
)
def test_without_a_usable_model_the_node_says_why_and_ends(client, tmp_path, model, words):
    with running_node(tmp_path / 'log', model=model(tmp_path)) as node:
        assert node.process.wait(30) == 1
        assert words in node.log
        assert 'Traceback' not in node.log


@pytest.mark.parametrize(
    ('value', 'words'),
    [(0, 'points_stride is 0, expected >= 1'), ('2.0', 'is 2.0, expected a whole number')],
)
def test_a_parameter_that_cannot_be_ends_the_node(
    client, tmp_path, red_disparity_model, value, words
):
    with running_node(tmp_path / 'log', model=red_disparity_model, points_stride=value) as node:
        assert node.process.wait(30) == 1
        assert words in node.log
        assert 'Traceback' not in node.log
