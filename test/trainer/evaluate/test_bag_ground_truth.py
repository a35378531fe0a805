"""The truth in a recording: which topics, and what is said when they are not there."""

from __future__ import annotations

import numpy as np
import pytest

from monodepth_ros.storage.bag import BagError
from test.helpers.camera_bags import red_frame
from test.helpers.recordings import (
    add_cloud,
    add_depth,
    HEIGHT,
    PERIOD_NS,
    rename_topics,
    WIDTH,
    write_stereo_bag,
)
from trainer.evaluate.bag_ground_truth import bag_ground_truth
from trainer.evaluate.config import EvaluateConfig

AHEAD = np.array([[0, 0, 3.0]])
DEPTH_M = np.full((HEIGHT, WIDTH), 3, np.float32)


def _bag(tmp_path, extra=None, **changes):
    values = {'frames': 1, 'views': ('left',)} | changes
    return write_stereo_bag(tmp_path / 'bag', extra=extra, **values)


def _frames(path, **options):
    return list(bag_ground_truth(path, EvaluateConfig(**options)).frames)


def _scan(bag):
    add_cloud(bag, 'left_optical_frame', AHEAD)


def _depth(bag, **changes):
    add_depth(bag, '/depth', DEPTH_M, stamp_ns=0, **changes)


def test_the_scan_falls_on_the_rectified_camera(tmp_path):
    (frame,) = _frames(_bag(tmp_path, _scan))
    assert (frame.ground_truth.camera.width, frame.ground_truth.camera.height) == (WIDTH, HEIGHT)
    assert frame.ground_truth.depth_m[24, 32] == 3  # the principal point, 31.5 and 23.5, to even
    assert np.isfinite(frame.ground_truth.depth_m).sum() == 1


@pytest.mark.parametrize('topic', ['image_raw', 'image_rect'])
def test_the_scan_is_turned_by_r_for_the_rectified_topic_too(tmp_path, topic):
    # R turns by 90 degrees about the optical axis: x becomes -y, y becomes x.
    quarter = np.array([[0, -1, 0], [1, 0, 0], [0, 0, 1.0]])
    bag = _bag(
        tmp_path,
        lambda bag: add_cloud(bag, 'left_optical_frame', np.array([[0.5, 0, 3]])),
        rotation=quarter,
        topic=topic,
    )
    (frame,) = _frames(bag)
    # The point (0.5, 0, 3) of the frame is (0, 0.5, 3) rectified: 60 * 0.5 / 3 = 10 px lower.
    assert frame.ground_truth.depth_m[34, 32] == 3


def test_depth_without_camera_info_is_that_of_the_camera_if_it_fits(tmp_path):
    (frame,) = _frames(_bag(tmp_path, _depth))
    assert frame.ground_truth.camera == frame.camera.rectified
    np.testing.assert_array_equal(frame.ground_truth.depth_m, DEPTH_M)


def test_a_camera_of_12_bits_is_measured_in_its_brightness(tmp_path, capsys):
    numbers = np.linspace(0, 4095, WIDTH * HEIGHT).astype(np.uint16).reshape(HEIGHT, WIDTH)
    (frame,) = _frames(_bag(tmp_path, _scan, image_of=lambda *_: numbers))
    np.testing.assert_allclose(frame.rgb[..., 1], numbers * (255 / 4095), atol=0.501)
    assert '16-bit images: taken as 12 bits (white is 4095)' in capsys.readouterr().err


def test_several_cameras_and_truths_can_be_told_apart(tmp_path):
    def both(bag):
        _scan(bag)
        _depth(bag)

    bag = _bag(tmp_path, both, views=('left', 'rear'))
    with pytest.raises(BagError, match=r'several cameras: /left/.*, /rear/.*--image'):
        _frames(bag)
    image = '/left/image_raw/compressed'
    with pytest.raises(
        BagError, match=r'several ground truths: .*points, /depth/image_rect; .*--truth'
    ):
        _frames(bag, image=image)
    (frame,) = _frames(bag, image=image, truth_topic='/depth/image_rect')
    assert np.isfinite(frame.ground_truth.depth_m).all()


def test_a_camera_info_topic_can_be_named(tmp_path, capsys):
    names = {'/left/camera_info': '/left/info', '/rear/camera_info': '/rear/info'}
    bag = rename_topics(_bag(tmp_path, _scan, views=('left', 'rear')), tmp_path / 'copy', names)
    image = '/left/image_raw/compressed'
    with pytest.raises(BagError, match=r'/left/info or /rear/info may belong to /left/.*--info'):
        _frames(bag, image=image)
    assert len(_frames(bag, image=image, info='/left/info')) == 1
    assert capsys.readouterr().err == f'camera_info of {image} is /left/info\n'


def test_what_this_package_published_with_depth_is_no_camera_unless_named(tmp_path):
    def published(bag):
        _depth(bag, focal_px=60)
        for topic in ('/depth/color_rect', '/depth/image_color'):
            bag.add(topic, red_frame(0), recorded_ns=0)

    bag = _bag(tmp_path, published)
    (frame,) = _frames(bag)
    assert frame.rgb[0, 0].tolist() == [0, 0, 0]
    (frame,) = _frames(bag, image='/depth/color_rect')
    assert frame.rgb[0, 0].tolist() == [51, 0, 0]


def test_of_a_stereo_pair_the_left_camera_is_measured(tmp_path):
    (frame,) = _frames(_bag(tmp_path, _scan, views=('left', 'right')))
    assert frame.rgb[0, 0, 0] == 0, 'the right view is 5 brighter'


def test_a_tolerance_of_zero_takes_equal_stamps_only(tmp_path):
    def later(bag):
        add_cloud(bag, 'left_optical_frame', AHEAD, stamp_ns=19_000_000)

    bag = _bag(tmp_path, later)
    assert len(_frames(bag)) == 1
    assert len(_frames(bag, tolerance_ms=18)) == 0


@pytest.mark.parametrize(
    ('extra', 'changes', 'words'),
    [
        (
            _scan,
            {'with_info': False},
            'no image topic with the camera_info of a calibrated',
        ),
        (_scan, {'uncalibrated': ('left',)}, r'/left/camera_info: camera_info has K\[0\] = 0'),
        (
            None,
            {},
            r'holds no ground truth: looked for sensor_msgs/msg/PointCloud2 .* found neither',
        ),
        (lambda bag: add_cloud(bag, 'radar', AHEAD), {}, 'holds no ground truth'),
        (
            lambda bag: _depth(bag, frame_id='lens'),
            {},
            "is in frame 'lens', .* 'left_optical_frame', expected one frame",
        ),
        (
            lambda bag: add_depth(bag, '/depth', DEPTH_M[1:], stamp_ns=0),
            {},
            'is 64 x 47 without a camera_info',
        ),
    ],
)
def test_what_is_missing_is_said(tmp_path, extra, changes, words):
    with pytest.raises(BagError, match=words):
        _frames(_bag(tmp_path, extra, **changes))


def test_depth_of_another_size_than_its_camera_info_is_named(tmp_path):
    def two_sizes(bag):
        _depth(bag, focal_px=60)
        add_depth(bag, '/depth', DEPTH_M[1:], stamp_ns=PERIOD_NS)

    with pytest.raises(BagError, match=r'/depth/image_rect: .* is 64 x 47, expected 64 x 48'):
        _frames(_bag(tmp_path, two_sizes, frames=2))


@pytest.mark.parametrize(
    ('truth', 'words'), [('stereo', 'trainer ingest BAG'), ('improved', 'that of KITTI raw')]
)
def test_matching_and_annotated_maps_are_not_of_a_recording(tmp_path, truth, words):
    with pytest.raises(BagError, match=words):
        _frames(_bag(tmp_path, _scan), truth=truth)


def test_a_camera_or_truth_that_is_not_there_is_named(tmp_path):
    bag = _bag(tmp_path, _scan)
    with pytest.raises(BagError, match='holds no /a with'):
        _frames(bag, image='/a')
    with pytest.raises(BagError, match=r'no ground truth /a: .* found /left_optical_frame/points'):
        _frames(bag, truth_topic='/a')
