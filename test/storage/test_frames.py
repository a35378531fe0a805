"""Images with their camera: of recordings, files and videos."""

from __future__ import annotations

from collections import Counter

import cv2
import numpy as np
import pytest

from monodepth_ros.messages.decode import stamp_ns
from monodepth_ros.storage.camera_yaml import read_camera_yaml
from monodepth_ros.storage.frames import open_source
from test.helpers.camera_bags import (
    Damaged,
    IMAGE,
    INFO,
    info,
    LAG_NS,
    PERIOD_NS,
    red_frame,
    red_png,
    write_messages,
    write_red_bag,
    write_video,
)
from test.helpers.recordings import camera_yaml, HEIGHT, textured, WIDTH, write_stereo_bag


@pytest.fixture
def calibration(tmp_path):
    path = tmp_path / 'camera.yaml'
    path.write_text(camera_yaml(focal_px=50.0, d=[-0.1, 0, 0, 0, 0]))
    return path


class Dropped(Counter):
    """Counts by reason, and the details."""

    def __init__(self):
        super().__init__()
        self.details = []

    def drop(self, reason, detail):
        self[reason] += 1
        self.details.append(detail)


def _frames(path, *, image=None, calibration=None, rectified=False):
    dropped = Dropped()
    with open_source(path, image=image, calibration=calibration, rectified=rectified) as source:
        frames = list(source.frames(dropped.drop))
        assert source.count in (0, len(frames) + dropped.total())
    return frames, dropped


def _reds(frames):
    return [int(frame.image[0, 0, 0]) for frame in frames]


def test_a_recordings_frames_carry_header_and_recording_time(tmp_path):
    frames, dropped = _frames(write_red_bag(tmp_path / 'bag', frames=2, red=85))
    assert [stamp_ns(frame.header) for frame in frames] == [0, PERIOD_NS]
    assert [frame.recorded_ns for frame in frames] == [LAG_NS, PERIOD_NS + LAG_NS]
    assert frames[0].header.frame_id == 'left_optical_frame'
    assert frames[0].image.shape == (HEIGHT, WIDTH, 3)
    assert _reds(frames) == [85, 85]
    assert not dropped


@pytest.mark.parametrize('info_first', [True, False])
def test_a_changed_calibration_holds_from_its_stamp_on(tmp_path, info_first):
    """Some drivers send the camera_info of an image before it, some after it."""
    messages = []
    for number, focal_px in enumerate([60.0, 60.0, 90.0, 90.0, 60.0]):
        pair = [(INFO, info(number, focal_px)), (IMAGE, red_frame(number))]
        messages += pair if info_first else pair[::-1]
    frames, _ = _frames(write_messages(tmp_path / 'bag', *messages))
    assert [frame.camera.k[0] for frame in frames] == [60, 60, 90, 90, 60]


def test_one_calibration_at_the_start_or_the_end_serves_all(tmp_path):
    images = [(IMAGE, red_frame(number)) for number in range(3)]
    for name, messages in (
        ('start', [(INFO, info(0)), *images]),
        ('end', [*images, (INFO, info(9))]),
    ):
        frames, dropped = _frames(write_messages(tmp_path / name, *messages))
        assert len(frames) == 3
        assert not dropped


def test_images_of_an_invalid_calibration_are_left_out(tmp_path):
    messages = []
    for number, focal_px in enumerate([60.0, 0.0, 60.0]):
        messages += [(INFO, info(number, focal_px)), (IMAGE, red_frame(number))]
    frames, dropped = _frames(write_messages(tmp_path / 'bag', *messages))
    assert [stamp_ns(frame.header) for frame in frames] == [0, 2 * PERIOD_NS]
    assert dropped == {'without a valid camera_info': 1}
    assert 'K[0] = 0 (uncalibrated)' in dropped.details[0]


def _unknown_encoding(number):
    image = red_frame(number)
    image.encoding = 'rgb99'
    return image


def _short_data(number):
    image = red_frame(number)
    image.data = image.data[:-1]
    return image


def _broken_png(number):
    image = red_png(number)
    image.data = image.data[:40]
    return image


@pytest.mark.parametrize(
    ('bad', 'good', 'reason', 'words'),
    [
        (Damaged(red_frame(1)), red_frame, 'damaged', 'is damaged'),
        (_unknown_encoding(1), red_frame, 'unreadable', "encoding 'rgb99'"),
        (_short_data(1), red_frame, 'unreadable', f'{HEIGHT} rows'),
        (_broken_png(1), red_png, 'unreadable', 'no jpeg or png'),
    ],
)
def test_what_is_no_image_is_left_out_and_the_rest_comes(tmp_path, bad, good, reason, words):
    images = [(IMAGE, good(0)), (IMAGE, bad), (IMAGE, good(2))]
    frames, dropped = _frames(write_messages(tmp_path / 'bag', (INFO, info(0)), *images))
    assert [stamp_ns(frame.header) for frame in frames] == [0, 2 * PERIOD_NS]
    assert dropped == {reason: 1}
    assert dropped.details[0].startswith(f'{IMAGE} at {PERIOD_NS + LAG_NS}')
    assert words in dropped.details[0]


def test_a_damaged_calibration_does_not_cost_a_frame(tmp_path):
    messages = [(INFO, info(0)), (IMAGE, red_frame(0)), (INFO, Damaged(info(1)))]
    frames, dropped = _frames(write_messages(tmp_path / 'bag', *messages, (IMAGE, red_frame(1))))
    assert len(frames) == 2
    assert not dropped


def test_what_comes_before_damage_is_used_and_the_rest_counted(tmp_path):
    """An mcap is written in chunks of a little more than 1 MB, here of two images."""
    images = [(IMAGE, red_frame(number, width=640, height=480)) for number in range(8)]
    file = write_messages(tmp_path / 'bag', (INFO, info(0)), *images) / 'bag.mcap'
    data = bytearray(file.read_bytes())
    middle = slice(len(data) // 2, len(data) // 2 + 2_000_000)
    data[middle] = bytes(2_000_000)
    file.write_bytes(data)
    frames, dropped = _frames(tmp_path / 'bag')
    assert 2 <= len(frames) <= 4
    assert dropped == {'behind damage': 8 - len(frames)}
    assert 'cannot be read' in dropped.details[0]


def test_of_a_stereo_pair_the_left_camera_is_taken_unless_named(tmp_path):
    bag = write_stereo_bag(tmp_path / 'bag', frames=1)
    assert _frames(bag)[0][0].image[0, 0] == 0
    right = _frames(bag, image='/right/image_raw/compressed')[0][0]
    assert right.image[0, 0] == 5
    assert right.camera.offset_m == 0.25


@pytest.mark.parametrize('with_info', [True, False])
def test_a_calibration_file_stands_in_for_camera_info(tmp_path, calibration, with_info):
    bag = write_stereo_bag(tmp_path / 'bag', frames=3, views=('left',), with_info=with_info)
    frames, _ = _frames(bag, calibration=calibration)
    camera = read_camera_yaml(calibration, rectified=False)
    assert [frame.camera for frame in frames] == [camera] * 3


def test_a_calibration_file_is_for_the_left_camera_of_a_pair(tmp_path, calibration):
    frames, _ = _frames(write_stereo_bag(tmp_path / 'bag', frames=1), calibration=calibration)
    assert frames[0].image[0, 0] == 0


def test_rectified_images_have_the_camera_of_p(tmp_path, calibration):
    lens = ('plumb_bob', (-0.1, 0.0, 0.0, 0.0, 0.0))
    bag = write_stereo_bag(tmp_path / 'bag', frames=1, lens=lens)
    image = tmp_path / 'left.png'
    cv2.imwrite(str(image), textured('left', 0))
    for path, file in ((bag, None), (bag, calibration), (image, calibration)):
        raw, rectified = (
            _frames(path, calibration=file, rectified=r)[0][0].camera for r in (False, True)
        )
        assert any(raw.d)
        assert not any(rectified.d)
        assert rectified == raw.as_rectified()


def test_images_of_a_folder_come_by_number(tmp_path, calibration):
    for number in (10, 9, 100):
        cv2.imwrite(str(tmp_path / f'{number}.png'), np.full((HEIGHT, WIDTH), number, np.uint8))
    frames, _ = _frames(tmp_path, calibration=calibration)
    assert [int(frame.image[0, 0]) for frame in frames] == [9, 10, 100]
    assert [stamp_ns(frame.header) for frame in frames] == [0, PERIOD_NS, 2 * PERIOD_NS]
    assert {frame.header.frame_id for frame in frames} == {'camera_optical_frame'}


def test_an_unreadable_image_of_a_folder_is_left_out(tmp_path, calibration):
    cv2.imwrite(str(tmp_path / 'a.png'), textured('left', 0))
    (tmp_path / 'b.jpg').write_bytes(b'nothing')
    frames, dropped = _frames(tmp_path, calibration=calibration)
    assert len(frames) == 1
    assert dropped == {'unreadable': 1}
    assert 'b.jpg: got 7 bytes that are no jpeg' in dropped.details[0]


def test_a_single_image_is_a_frame_in_colour(tmp_path, calibration):
    path = tmp_path / 'one.JPG'
    cv2.imwrite(str(path), np.full((HEIGHT, WIDTH, 3), (0, 0, 200), np.uint8))
    ((frame,), _) = _frames(path, calibration=calibration)
    assert frame.image[0, 0, 0] > 150 > frame.image[0, 0, 2]
    assert stamp_ns(frame.header) == frame.recorded_ns == 0


def _levels_of_16_bits(folder, levels, suffix):
    folder.mkdir(exist_ok=True)
    for number, level in enumerate(levels):
        image = np.full((HEIGHT, WIDTH), level, np.uint16)
        assert cv2.imwrite(str(folder / f'{number:03d}{suffix}'), image)
    return folder


@pytest.mark.parametrize('suffix', ['.png', '.tif', '.pgm'])
def test_files_of_12_bits_are_white_at_4095(tmp_path, calibration, capsys, suffix):
    folder = _levels_of_16_bits(tmp_path / 'images', [500, 3000, 4095, 500], suffix)
    frames, _ = _frames(folder, calibration=calibration)
    assert [int(frame.image[0, 0]) for frame in frames] == [31, 187, 255, 31]
    said = capsys.readouterr().err
    assert 'images: 16-bit images: taken as 12 bits (white is 4095)' in said
    assert said.count('\n') == 1


def test_a_brighter_frame_raises_the_bits_from_it_on(tmp_path, calibration, capsys):
    folder = _levels_of_16_bits(tmp_path / 'images', [500] * 20 + [4095, 500], '.png')
    frames, _ = _frames(folder, calibration=calibration)
    assert [int(frame.image[0, 0]) for frame in frames[-3:]] == [125, 255, 31]
    assert 'those before it were taken as 10 bits' in capsys.readouterr().err


def test_a_recording_of_12_bits_is_white_at_4095(tmp_path, capsys):
    bag = write_stereo_bag(
        tmp_path / 'bag',
        image_of=lambda _, number: np.full((HEIGHT, WIDTH), 4095 - 1000 * number, np.uint16),
        frames=3,
        compressed=False,
    )
    frames, _ = _frames(bag)
    assert [int(frame.image[0, 0]) for frame in frames] == [255, 193, 130]
    assert '/left/image_raw: 16-bit images: taken as 12 bits' in capsys.readouterr().err


def test_a_video_keeps_its_time(tmp_path, calibration):
    frames, _ = _frames(
        write_video(tmp_path / 'v.avi', [50, 100, 150], 4.0), calibration=calibration
    )
    np.testing.assert_allclose(_reds(frames), [50, 100, 150], atol=3)
    assert [stamp_ns(frame.header) for frame in frames] == [0, 250_000_000, 500_000_000]


@pytest.mark.parametrize(
    ('make', 'options', 'words'),
    [
        (lambda path: path / 'none', {}, 'none not found'),
        (lambda path: path, {}, 'no recording .*metadata.*need --camera-info'),
        (lambda path: path, {'calibration': True}, 'holds no image .*no rosbag2 folder'),
        (lambda path: _text(path).parent, {'calibration': True}, r'not read .1 \.txt'),
        (lambda path: _text(path), {'calibration': True}, 'no recording, image or video'),
        (
            lambda path: _text(path),
            {'calibration': True, 'image': '/a'},
            'no topic /a; omit --image',
        ),
        (write_red_bag, {'image': '/a'}, 'holds no /a .*image topics are /camera/image_raw'),
        (
            write_red_bag,
            {'image': '/a', 'calibration': True},
            'holds no /a: image topics are /camera',
        ),
    ],
)
def test_what_holds_no_frames_is_explained(tmp_path, calibration, make, options, words):
    folder = tmp_path / 'folder'
    folder.mkdir()
    source = make(folder / 'bag' if make is write_red_bag else folder)
    with pytest.raises((ValueError, FileNotFoundError), match=words):
        _frames(
            source, **options | ({'calibration': calibration} if 'calibration' in options else {})
        )


def _text(folder):
    (folder / 'notes.txt').write_text('nothing to see')
    return folder / 'notes.txt'


def test_several_cameras_without_calibration_ask_for_a_name(tmp_path, calibration):
    bag = write_stereo_bag(tmp_path / 'bag', frames=1, with_info=False)
    with pytest.raises(ValueError, match=r'several cameras: .*/right/image_raw/compressed; name'):
        _frames(bag, calibration=calibration)
    frames, _ = _frames(bag, calibration=calibration, image='/right/image_raw/compressed')
    assert frames[0].image[0, 0] == 5
