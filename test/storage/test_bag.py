"""Recordings, sound and damaged."""

from __future__ import annotations

from pathlib import Path
import shutil

import pytest

from monodepth_ros.core.bit_depth import BitDepth
from monodepth_ros.messages.decode import image_rgb, stamp_ns
from monodepth_ros.storage.bag import Bag, BagError
from monodepth_ros.storage.bag_cameras import camera_topics, find_camera, find_stereo
from test.helpers.camera_bags import Damaged, IMAGE, INFO, info, red_frame, write_messages
from test.helpers.recordings import write_stereo_bag


@pytest.mark.parametrize('compressed', [True, False])
def test_messages_come_back_as_written(tmp_path, compressed):
    with Bag(write_stereo_bag(tmp_path / 'bag', compressed=compressed)) as bag:
        left, right = find_stereo(bag)
        assert left.image == '/left/image_raw' + ('/compressed' if compressed else '')
        assert right.camera.offset_m == 0.25
        messages = list(bag.messages(left.image))
    assert [stamp_ns(m.content.header) for m in messages] == [n * 100_000_000 for n in range(5)]
    assert [image_rgb(m.content, BitDepth())[0, 0, 0] for m in messages] == [0, 10, 20, 30, 40]


def test_a_fraction_of_the_recording(tmp_path):
    with Bag(write_stereo_bag(tmp_path / 'bag', frames=11)) as bag:
        topic = '/left/image_raw/compressed'
        first = list(bag.messages(topic, last_share=0.55))
        rest = list(bag.messages(topic, first_share=0.55))
        none = list(bag.messages('/nothing'))
    assert (len(first), len(rest), len(none)) == (6, 5, 0)


@pytest.mark.parametrize(
    ('changes', 'words'),
    [
        ({'views': ()}, 'cannot be read|holds no image topic'),
        ({'views': ('left',)}, 'no stereo pair: got /left/image_raw/compressed'),
        ({'with_info': False}, 'no camera_info for .*, expected e.g. /left/camera_info'),
        ({'focal_px': 0.0}, r'/left/camera_info: camera_info has K\[0\] = 0'),
        ({'baseline_m': 0.0}, r'the right one with P\[3\] = -fx \* baseline'),
    ],
)
def test_a_bag_without_a_stereo_pair_says_what_is_missing(tmp_path, changes, words):
    path = write_stereo_bag(tmp_path / 'bag', **changes)
    with pytest.raises(BagError, match=words), Bag(path) as bag:
        find_stereo(bag)


def test_an_uncalibrated_third_camera_does_not_hide_the_pair(tmp_path):
    path = write_stereo_bag(
        tmp_path / 'bag', views=('left', 'right', 'web'), uncalibrated=('web',)
    )
    with Bag(path) as bag:
        left, right = find_stereo(bag)
        assert [camera.image for camera in camera_topics(bag)] == [left.image, right.image]


def test_several_pairs_ask_for_a_name(tmp_path):
    path = write_stereo_bag(tmp_path / 'bag', views=('left', 'right', 'left2'))
    with Bag(path) as bag:
        with pytest.raises(BagError, match=r'several stereo pairs.*--left'):
            find_stereo(bag)
        left, _ = find_stereo(bag, left='/left2/image_raw/compressed')
    assert left.image == '/left2/image_raw/compressed'


def test_neither_camera_of_a_pair_need_be_the_origin(tmp_path):
    # As KITTI's colour pair, 6 cm left of its grey one: P[3] is positive, then negative.
    with Bag(write_stereo_bag(tmp_path / 'bag', left_offset_m=-0.0625)) as bag:
        left, right = find_stereo(bag)
        assert (left.camera.p[3], right.camera.p[3]) == (3.75, -11.25)
        assert left.image == '/left/image_raw/compressed'
        assert find_camera(bag).image == left.image
        # Named, they are taken as they are named.
        assert find_stereo(bag, left=right.image)[0] == right


def test_two_cameras_of_one_p_are_no_pair(tmp_path):
    path = write_stereo_bag(tmp_path / 'bag', left_offset_m=0.25, baseline_m=0.0)
    with pytest.raises(BagError, match=r'\(P\[3\] = -15\), .* \(P\[3\] = -15\)'), Bag(path) as bag:
        find_stereo(bag)


def test_of_a_pair_the_left_camera_is_found_unless_named(tmp_path):
    right = '/right/image_raw/compressed'
    with Bag(write_stereo_bag(tmp_path / 'bag')) as bag:
        assert find_camera(bag).image == '/left/image_raw/compressed'
        assert find_camera(bag, right).image == right


@pytest.mark.parametrize(
    ('views', 'uncalibrated', 'image', 'words'),
    [
        (('a', 'b'), (), None, r'several cameras: /a/.*, /b/.*; name one with --image'),
        (('a', 'b'), ('a',), '/a/image_raw/compressed', r'/a/camera_info: .* K\[0\] = 0'),
        (('a', 'b'), ('a',), '/c', 'holds no /c .* with camera_info /b/image_raw/compressed'),
        (('a',), ('a',), None, r'/a/camera_info: .* K\[0\] = 0'),
    ],
)
def test_a_camera_that_cannot_be_found_is_explained(tmp_path, views, uncalibrated, image, words):
    path = write_stereo_bag(tmp_path / 'bag', views=views, uncalibrated=uncalibrated)
    with pytest.raises(BagError, match=words), Bag(path) as bag:
        find_camera(bag, image)


def test_a_damaged_message_is_an_error_unless_it_may_be_skipped(tmp_path):
    images = [(IMAGE, red_frame(0)), (IMAGE, Damaged(red_frame(1))), (IMAGE, red_frame(2))]
    skipped = []
    with Bag(write_messages(tmp_path / 'bag', (INFO, info(0)), *images)) as bag:
        with pytest.raises(BagError, match=r'/camera/image_raw at 101000000 is damaged \('):
            list(bag.messages(IMAGE))
        assert len(list(bag.messages(IMAGE, skipped=skipped.append))) == 2
        raw = list(bag.raw_messages(IMAGE))
    assert len(skipped) == 1
    assert len(raw) == 3
    assert {message.content for message in raw} == {None}
    assert len(raw[1].data) < len(raw[0].data)


def _truncate(path: Path, fraction: float) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: int(fraction * len(data))])


@pytest.mark.parametrize('fraction', [0.3, 0.7, 0.99])
def test_a_truncated_mcap_is_explained(tmp_path, fraction):
    path = write_stereo_bag(tmp_path / 'bag', frames=30)
    _truncate(path / 'bag.mcap', fraction)
    with (
        pytest.raises(BagError, match=r'bag\.mcap is truncated, .*mcap recover'),
        Bag(path) as bag,
    ):
        list(bag.messages(find_stereo(bag)[0].image))


@pytest.mark.parametrize('fraction', [0.0, 0.5])
def test_a_truncated_sqlite3_is_explained(tmp_path, shared_data, fraction):
    name = 'kitti_odometry_00_rect'
    shutil.copytree(shared_data / 'bags' / name, tmp_path / name)
    file = tmp_path / name / f'{name}.db3'
    file.chmod(0o644)
    _truncate(file, fraction)
    with pytest.raises(BagError, match='cannot be read'), Bag(tmp_path / name) as bag:
        list(bag.messages(find_stereo(bag)[0].image))


def test_what_is_no_bag_is_explained(tmp_path):
    with pytest.raises(BagError, match=r'no rosbag2 folder.*metadata\.yaml'):
        Bag(tmp_path)


def test_an_error_while_writing_leaves_no_bag(tmp_path):
    with pytest.raises(ValueError, match='no view'):
        write_stereo_bag(tmp_path / 'bag', views=_failing())
    assert list(tmp_path.iterdir()) == []


def _failing():
    yield 'left'
    raise ValueError('no view')


def test_the_real_recordings_have_a_stereo_pair(shared_data):
    with Bag(shared_data / 'bags' / 'kitti_0926_drive') as bag:
        left, right = find_stereo(bag)
        assert (left.image, left.rectified) == ('/stereo/left/image_raw/compressed', False)
        assert right.camera.offset_m == pytest.approx(0.537, abs=1e-3)
    with Bag(shared_data / 'bags' / 'kitti_odometry_00_rect') as bag:
        left, right = find_stereo(bag)
        assert (left.image, left.rectified) == ('/left/image_rect', True)
        assert right.image == '/right/image_rect'
