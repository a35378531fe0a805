"""Which camera_info is taken for which images."""

from __future__ import annotations

import numpy as np
import pytest

from monodepth_ros.storage.bag import Bag, BagError
from monodepth_ros.storage.bag_cameras import camera_topics, find_camera, find_stereo
from monodepth_ros.storage.bag_writer import write_bag
from test.helpers.camera_bags import info, red_frame, red_png, write_messages
from test.helpers.recordings import add_depth, HEIGHT, WIDTH

IMAGE = '/cam/image'


def _of_frame(message, frame_id):
    message.header.frame_id = frame_id
    return message


def _frame(frame_id='cam'):
    return _of_frame(red_frame(0), frame_id)


def _png():
    return _of_frame(red_png(0), 'cam')


def _info(frame_id='cam', focal_px=60.0, **fields):
    message = _of_frame(info(0, focal_px), frame_id)
    for name, value in fields.items():
        setattr(message, name, value)
    return message


def _binned():
    """Of a window of a sensor four times as large, binned."""
    message = _info(width=4 * WIDTH, height=4 * HEIGHT, binning_x=2, binning_y=2)
    message.roi.width, message.roi.height = 2 * WIDTH, 2 * HEIGHT
    return message


@pytest.mark.parametrize(
    ('image', 'message', 'infos'),
    [
        # Beside the image wins, then below it, then likeness.
        (IMAGE, _frame(), ['/cam/camera_info', '/cam/image/camera_info', '/x/info']),
        (IMAGE, _frame(), ['/cam/image/camera_info', '/x/info']),
        (f'{IMAGE}/compressed', _png(), ['/cam/image/camera_info']),
        (IMAGE, _frame(), ['/cam/camera_info_raw']),
        (IMAGE, _frame(), ['/x/info']),
        (f'{IMAGE}/compressed', _png(), ['/x/info']),
    ],
)
def test_a_camera_info_is_found_by_name_or_likeness(tmp_path, image, message, infos):
    messages = [(topic, _info(focal_px=60.0 + n)) for n, topic in enumerate(infos)]
    with Bag(write_messages(tmp_path / 'bag', (image, message), *messages)) as bag:
        found = find_camera(bag)
    assert (found.info, found.camera.k[0]) == (infos[0], 60)
    remark = f'camera_info of {image} is {found.info}'
    assert found.remark == (None if found.info == '/cam/camera_info' else remark)


def test_likeness_is_frame_id_and_size_of_the_images(tmp_path):
    """Three are of something else; the last is of a binned window, which is what images show."""
    others = [
        ('/b/info', _info('other')),
        ('/c/info', _info(width=WIDTH + 1)),
        ('/d/info', _info(binning_x=2)),
    ]
    messages = [(IMAGE, _frame()), *others, ('/e/info', _binned())]
    with Bag(write_messages(tmp_path / 'bag', *messages)) as bag:
        assert find_camera(bag).info == '/e/info'


@pytest.mark.parametrize(
    ('messages', 'words'),
    [
        ([(IMAGE, _frame('')), ('/x/info', _info(''))], 'topics are /x/info; record .*--info'),
        ([(IMAGE, _frame()), ('/x/info', _info('y'))], 'topics are /x/info; record .*--info'),
        (
            [(IMAGE, _frame()), ('/x/info', _info()), ('/y/info', _info())],
            'camera_info /x/info or /y/info may belong to /cam/image; .*--info',
        ),
        # Another camera's calibration was not recorded: whose is this one?
        (
            [(IMAGE, _frame()), ('/cam2/image', _frame()), ('/x/info', _info())],
            'camera_info /x/info may belong to /cam/image or /cam2/image; .*--info',
        ),
    ],
)
def test_what_is_not_sure_is_not_taken_unless_named(tmp_path, messages, words):
    with Bag(write_messages(tmp_path / 'bag', *messages)) as bag:
        with pytest.raises(BagError, match=words):
            find_camera(bag)
        assert find_camera(bag, IMAGE, info='/x/info').info == '/x/info'


def test_a_picture_that_was_made_of_a_cameras_images_is_no_camera(tmp_path):
    messages = [(IMAGE, _frame()), ('/cam/camera_info', _info()), ('/boxes/drawn', _frame())]
    with Bag(write_messages(tmp_path / 'bag', *messages)) as bag:
        assert [camera.image for camera in camera_topics(bag)] == [IMAGE]


def test_a_camera_info_that_is_named_is_taken(tmp_path):
    messages = [(IMAGE, _frame()), ('/cam/camera_info', _info()), ('/x/info', _info('y', 90.0))]
    with Bag(write_messages(tmp_path / 'bag', *messages)) as bag:
        assert find_camera(bag, info='/x/info').camera.k[0] == 90
        with pytest.raises(BagError, match=r'no camera_info /z, found /cam/camera_info, /x/info'):
            find_camera(bag, info='/z')


def test_pictures_of_one_camera_share_a_camera_info(tmp_path):
    messages = [(IMAGE, _frame()), (f'{IMAGE}/compressed', _png()), ('/x/info', _info())]
    with Bag(write_messages(tmp_path / 'bag', *messages)) as bag:
        assert [camera.info for camera in camera_topics(bag)] == ['/x/info'] * 2


def test_depth_that_is_aligned_to_a_camera_does_not_dispute_its_camera_info(tmp_path):
    with write_bag(tmp_path / 'bag') as bag:
        for topic, message in ((IMAGE, _frame()), ('/x/info', _info())):
            bag.add(topic, message, recorded_ns=0)
        depth_m = np.ones((HEIGHT, WIDTH), np.float32)
        add_depth(bag, '/depth', depth_m, stamp_ns=0, frame_id='cam')
    with Bag(tmp_path / 'bag') as bag:
        assert [(camera.image, camera.info) for camera in camera_topics(bag)] == [
            (IMAGE, '/x/info')
        ]


def _rig(path, frame_ids):
    """A stereo pair whose camera_info topics are elsewhere."""
    pairs = zip(('left', 'right'), frame_ids, (0.0, 15.0), strict=True)
    return write_messages(
        path,
        *(
            message
            for view, frame_id, shift in pairs
            for message in (
                (f'/{view}/image', _frame(frame_id)),
                (f'/rig/{view}', _of_frame(info(0, shift=shift), frame_id)),
            )
        ),
    )


def test_a_pair_is_found_by_likeness_or_named(tmp_path):
    with Bag(_rig(tmp_path / 'two', ('left', 'right'))) as bag:
        assert [camera.info for camera in find_stereo(bag)] == ['/rig/left', '/rig/right']
    # As KITTI's odometry, whose cameras have one frame_id.
    infos = {'/left/image': '/rig/left', '/right/image': '/rig/right'}
    with Bag(_rig(tmp_path / 'one', ('cam', 'cam'))) as bag:
        with pytest.raises(BagError, match=r'/rig/left or /rig/right may belong .*--left_info'):
            find_stereo(bag)
        assert [camera.info for camera in find_stereo(bag, *infos, infos=infos)] == [
            *infos.values()
        ]


def test_what_no_camera_info_is_for_is_said_with_those_there_are(tmp_path):
    words = r'found /rig/left, /rig/right; .*--left_info'
    with Bag(_rig(tmp_path / 'bag', ('', ''))) as bag, pytest.raises(BagError, match=words):
        find_stereo(bag)
