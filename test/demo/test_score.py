"""Scoring a recording of published depth."""

from __future__ import annotations

import numpy as np
import pytest

from demo.score import (
    check_headers,
    is_near_at_bottom,
    near_bottom_fractions,
    score,
)
from monodepth_ros.core.camera import Intrinsics
from monodepth_ros.messages import encode
from monodepth_ros.storage.bag import ROSBAGS_CLASSES
from monodepth_ros.storage.bag_writer import write_bag
from test.helpers.recordings import header_of, write_stereo_bag
from trainer.datasets.depth_map import DepthMap

CAMERA = Intrinsics(fx=10, fy=10, cx=1.5, cy=0.5, width=4, height=2)
NAN = np.nan


def _depth(rows):
    return np.array(rows, np.float32)


@pytest.fixture
def output_bag(tmp_path):
    """One frame at stamp 5: 2 m everywhere, but two pixels invalid or out of range."""
    header = header_of(5)
    info = encode.camera_info(ROSBAGS_CLASSES, header, CAMERA)
    depth_m = _depth([[2, 2, 2, 2], [2, 2, NAN, np.inf]])
    image = encode.depth_image(ROSBAGS_CLASSES, header, depth_m, '32FC1')
    with write_bag(tmp_path / 'bag') as bag:
        bag.add('/depth/image_rect', image, recorded_ns=5)
        bag.add('/depth/camera_info', info, recorded_ns=5)
    return tmp_path / 'bag'


def test_metrics_and_valid_share_by_hand(output_bag):
    truth = DepthMap(_depth([[4, 2, NAN, 100], [2, 2, 2, 2]]), CAMERA)
    prior = DepthMap(np.full((2, 4), 4, np.float32), CAMERA)
    result = score(output_bag, {5: truth}.get, prior)
    # Truth in range: 6 pixels, of which 2 have no prediction.
    assert result.valid_share == pytest.approx(4 / 6)
    assert result.predicted.abs_rel == pytest.approx((0.5 + 0 + 0 + 0) / 4)
    assert result.prior.abs_rel == pytest.approx((0 + 1 + 1 + 1) / 4)
    assert result.frames == 1


def test_pixels_outside_the_priors_camera_do_not_count(output_bag):
    truth = DepthMap(np.full((2, 4), 2, np.float32), CAMERA)
    left_half = CAMERA.cropped(left=0, top=0, width=2, height=2)
    half = DepthMap(np.full((2, 2), 4, np.float32), left_half)
    assert score(output_bag, {5: truth}.get, half).valid_share == 1


def test_without_truth_there_is_no_score(output_bag):
    prior = DepthMap(np.full((2, 4), 4, np.float32), CAMERA)
    assert score(output_bag, {}.get, prior) is None


def test_the_lowest_fifth_must_be_nearer_than_half_the_middle():
    road = np.repeat(np.array([NAN, 40, 30, 20, 9.9], np.float32), 4)[:, None] * np.ones((1, 3))
    # Rows without depth are no part of the image: 16 rows remain, 40 m to 9.9 m.
    assert is_near_at_bottom(road)
    assert not is_near_at_bottom(road[::-1])
    assert not is_near_at_bottom(np.full((10, 3), 5.0))
    assert is_near_at_bottom(np.where(road > 20, np.inf, road))  # sky beyond range is far
    assert not is_near_at_bottom(np.full((10, 3), NAN))


def test_fractions_of_the_whole_image_and_of_the_way_ahead(output_bag):
    # The one frame is flat: neither passes.
    fractions = near_bottom_fractions(output_bag)
    assert fractions == {'near_bottom_share': 0.0, 'near_bottom_share_ahead': 0.0}


def test_every_published_header_must_be_that_of_an_input(output_bag, tmp_path):
    write_stereo_bag(tmp_path / 'input', frames=1)  # stamp 0; the output has stamp 5
    with pytest.raises(ValueError, match='depth/image_rect has 1 stamps or frame_ids'):
        check_headers(output_bag, tmp_path / 'input', '/left/image_raw/compressed')
    check_headers(output_bag, output_bag, '/depth/image_rect')
