"""The writer's thread without ROS: what is written, refused, gone on with, ended."""

from __future__ import annotations

from array import array
import math
import os
from threading import Event

import numpy as np
import pytest

from monodepth_ros.core.camera import Intrinsics, StereoCalibration
from monodepth_ros.messages.decode import camera_from_info
from monodepth_ros.storage import pair_recorder
from monodepth_ros.storage.bag import TYPES
from monodepth_ros.storage.pair_folder import PairFolder, PairFolderWriter, stated_bits
from monodepth_ros.storage.pair_recorder import MessagePair, PairRecorder, QUEUE_PAIRS
from test.helpers.recordings import (
    BASELINE_M,
    camera_info,
    FOCAL_PX,
    header_of,
    HEIGHT,
    PERIOD_NS,
    WIDTH,
)


def _camera(*, shift, focal_px=FOCAL_PX):
    return camera_from_info(
        camera_info(header_of(0), focal_px=focal_px, shift=shift), rectified=False
    )


LEFT, RIGHT = _camera(shift=0.0), _camera(shift=FOCAL_PX * BASELINE_M)


def _image(stamp_ns, level, *, height=HEIGHT):
    data = array('B', bytes([level]) * (WIDTH * height))
    return TYPES.types['sensor_msgs/msg/Image'](
        header_of(stamp_ns), height, WIDTH, 'mono8', 0, WIDTH, data
    )


def _pair(n, *, left_camera=LEFT, right_camera=RIGHT):
    stamp = n * PERIOD_NS
    images = _image(stamp, 10 * n), _image(stamp + 1, 10 * n + 5)
    return MessagePair(*images, left_camera, right_camera)


def _recorder(folder, *, quota_gb=1.0, min_free_gb=0.0, warn=print):
    return PairRecorder(folder, quota_gb=quota_gb, min_free_gb=min_free_gb, warn=warn)


def _record(folder, pairs, **options):
    """All pairs, one after the other; returns the closed recorder."""
    recorder = _recorder(folder, **options)
    for pair in pairs:
        while not recorder.offer(pair):
            pass
    recorder.close()
    return recorder


def _levels(folder):
    pairs = PairFolder(folder)
    return [tuple(int(view[3, 3, 0]) for view in pairs.read_pair(name)) for name in pairs.names]


def test_what_was_offered_is_in_the_folder_after_close(tmp_path):
    recorder = _record(tmp_path / 'new' / 'pairs', [_pair(n) for n in range(1, 4)])
    pairs = PairFolder(tmp_path / 'new' / 'pairs')
    assert pairs.stamps_ns() == {f'{n - 1:06d}': n * PERIOD_NS for n in range(1, 4)}
    np.testing.assert_allclose(_levels(pairs.path), [(10, 15), (20, 25), (30, 35)], atol=1)
    cx, cy = (WIDTH - 1) / 2, (HEIGHT - 1) / 2
    assert pairs.calibration == StereoCalibration(
        Intrinsics(FOCAL_PX, FOCAL_PX, cx, cy, WIDTH, HEIGHT), BASELINE_M
    )
    assert (recorder.written, recorder.unusable, recorder.ended) == (3, 0, None)


def test_a_folder_goes_on_and_nothing_in_it_changes(tmp_path):
    _record(tmp_path, [_pair(1), _pair(2)])
    # What a predecessor that was killed in the middle of its third pair leaves behind.
    calibration = PairFolder(tmp_path).calibration
    killed = np.full((HEIGHT, WIDTH), 99, np.uint8)
    PairFolderWriter(tmp_path, calibration).write_images('000002', killed, killed)
    (tmp_path / 'right' / '000002.jpg').rename(tmp_path / 'right' / '000002.jpg.partial')
    before = {path: path.read_bytes() for path in tmp_path.rglob('*.jpg')}
    recorder = _record(tmp_path, [_pair(5)])
    assert recorder.last_ns == 2 * PERIOD_NS
    assert PairFolder(tmp_path).stamps_ns() == {
        '000000': PERIOD_NS,
        '000001': 2 * PERIOD_NS,
        '000003': 5 * PERIOD_NS,
    }
    assert all(path.read_bytes() == data for path, data in before.items())
    assert not list(tmp_path.rglob('*.partial'))
    size_bytes = sum(path.stat().st_size for path in tmp_path.rglob('*.jpg'))
    assert 0 <= recorder.size_bytes - size_bytes < 1000


def test_the_quota_is_kept_also_by_a_folder_that_goes_on(tmp_path):
    one = _record(tmp_path / 'one', [_pair(1)]).size_bytes
    quota_gb = 4 * one / 1e9
    recorder = _record(tmp_path / 'pairs', [_pair(n) for n in range(1, 9)], quota_gb=quota_gb)
    assert recorder.ended.status == 0
    assert 'collection is complete; raise quota_gb' in recorder.ended.reason
    assert 1 < recorder.written < 8
    files = [path for path in (tmp_path / 'pairs').rglob('*') if path.is_file()]
    assert sum(path.stat().st_size for path in files) <= quota_gb * 1e9
    again = _record(tmp_path / 'pairs', [_pair(9), _pair(10)], quota_gb=quota_gb)
    assert again.written <= 1


def test_the_disk_is_not_filled(tmp_path):
    recorder = _record(tmp_path, [_pair(1)], min_free_gb=math.inf)
    assert (recorder.written, recorder.ended.status) == (0, 1)
    assert 'min_free_gb is inf: collection stops; free some space' in recorder.ended.reason


def test_a_disk_that_cannot_be_written_ends_the_recording(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, 'No space left on device')

    monkeypatch.setattr(PairFolderWriter, 'commit', full)
    recorder = _record(tmp_path, [_pair(1), _pair(2)])
    assert recorder.ended.status == 1
    assert 'No space left' in recorder.ended.reason


def test_another_calibration_is_refused_in_one_line(tmp_path):
    _record(tmp_path, [_pair(1)])
    recorder = _record(tmp_path, [_pair(2, right_camera=_camera(shift=0.5 * FOCAL_PX))])
    assert recorder.ended.status == 1
    assert 'pairs of another calibration' in recorder.ended.reason
    assert '\n' not in recorder.ended.reason
    assert len(PairFolder(tmp_path).names) == 1


def test_a_calibration_that_changes_stops_the_writing_until_it_is_back(tmp_path):
    other = _camera(shift=0.5 * FOCAL_PX)
    recorder = _record(tmp_path, [_pair(1), _pair(2, right_camera=other), _pair(3)])
    assert (recorder.written, recorder.unusable, recorder.ended) == (2, 1, None)
    assert 'camera_info changed' in recorder.fault
    assert 'again with another folder' in recorder.fault
    assert list(PairFolder(tmp_path).stamps_ns().values()) == [PERIOD_NS, 3 * PERIOD_NS]


@pytest.mark.parametrize(
    ('pair', 'words'),
    [
        (MessagePair(_image(1, 9), _image(1, 9), RIGHT, LEFT), 'left and right may be swapped'),
        (MessagePair(_image(1, 9, height=40), _image(1, 9), LEFT, RIGHT), 'expected 64 x 48'),
    ],
)
def test_pairs_that_cannot_be_used_are_explained_and_the_next_one_is_written(
    tmp_path, pair, words
):
    recorder = _record(tmp_path, [pair, _pair(2)])
    assert (recorder.written, recorder.unusable, recorder.ended) == (1, 1, None)
    assert words in recorder.fault


def _mono16(n, *, left, right):
    """A pair of two levels of 16 bits."""
    pair = _pair(n)
    for image, level in ((pair.left, left), (pair.right, right)):
        data = array('B', level.to_bytes(2, 'little') * (WIDTH * HEIGHT))
        image.encoding, image.step, image.data = 'mono16', 2 * WIDTH, data
    return pair


def test_16_bits_are_what_the_brightest_image_so_far_needs_and_said(tmp_path):
    """A pair has one scale, and a folder that goes on keeps its own."""
    said = []
    pairs = [
        _mono16(1, left=500, right=1000),
        _mono16(2, left=500, right=2000),
        _mono16(3, left=500, right=500),
    ]
    _record(tmp_path, pairs, warn=said.append)
    # 255 * level / 1023, then / 4095.
    np.testing.assert_allclose(_levels(tmp_path), [(125, 249), (31, 125), (31, 31)], atol=1)
    assert [text.partition(' bits')[0] for text in said] == [
        '16-bit images: taken as 10',
        '16-bit images: taken as 12',
    ]
    assert said[1].endswith('those before it were taken as 10 bits')
    assert stated_bits(tmp_path) == 12
    _record(tmp_path, [_mono16(4, left=500, right=1000)])
    np.testing.assert_allclose(_levels(tmp_path)[3], (31, 62), atol=1)


def test_images_of_8_bits_state_no_bit_depth(tmp_path):
    _record(tmp_path, [_pair(1)])
    assert 'bits' not in (tmp_path / 'calib.json').read_text()


def test_a_full_queue_refuses_the_newest_at_once(tmp_path, monkeypatch):
    begun, go_on = Event(), Event()

    def slow(message, _):
        begun.set()
        go_on.wait()
        return np.full((HEIGHT, WIDTH), message.data[0], np.uint8)

    monkeypatch.setattr(pair_recorder, 'image_pixels', slow)
    recorder = _recorder(tmp_path)
    assert recorder.offer(_pair(1))
    begun.wait()
    taken = [recorder.offer(_pair(n)) for n in range(2, 2 + QUEUE_PAIRS + 2)]
    assert taken == [True] * QUEUE_PAIRS + [False] * 2
    go_on.set()
    recorder.close()
    assert list(PairFolder(tmp_path).stamps_ns().values()) == [
        n * PERIOD_NS for n in range(1, 2 + QUEUE_PAIRS)
    ]


def test_a_folder_has_one_writer(tmp_path):
    recorder = _recorder(tmp_path)
    with pytest.raises(OSError, match=rf'process {os.getpid()} \('):
        _recorder(tmp_path)
    recorder.close()
    _recorder(tmp_path).close()


def test_a_folder_that_cannot_be_is_refused_at_the_start(tmp_path):
    (tmp_path / 'file').touch()
    with pytest.raises(OSError, match=r'file cannot be created .* choose another'):
        _recorder(tmp_path / 'file')
    (tmp_path / 'timestamps.txt').write_text('000000 14:02:11.5\n')
    with pytest.raises(
        ValueError, match=r"ends with '000000 14:02:11.5', expected `NAME STAMP_NS`"
    ):
        _recorder(tmp_path)
