"""The dataset format."""

from __future__ import annotations

from dataclasses import replace
import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from monodepth_ros.core.camera import Intrinsics, StereoCalibration
from monodepth_ros.storage.pair_folder import PairFolder, PairFolderWriter

CALIBRATION = StereoCalibration(Intrinsics(100, 101, 15.5, 7.5, 32, 16), 0.25)


def _grey(value):
    return np.full((16, 32, 3), value, np.uint8)


@pytest.fixture
def folder(tmp_path):
    depth_m = np.full((16, 32), np.nan, np.float32)
    depth_m[3, 4] = 12.5
    writer = PairFolderWriter(tmp_path / 'pairs', CALIBRATION)
    writer.add('000001', left_rgb=_grey(30), right_rgb=_grey(40), stamp_ns=1)
    writer.add('000000', left_rgb=_grey(10), right_rgb=_grey(20), stamp_ns=2)
    writer.add_gt_depth('000000', depth_m)
    return tmp_path / 'pairs'


def test_what_is_written_is_read(folder):
    pairs = PairFolder(folder)
    assert pairs.calibration == CALIBRATION
    assert pairs.names == ['000001', '000000']  # in the order of time, not of the alphabet
    left, right = pairs.read_pair('000000')
    np.testing.assert_array_equal(left, _grey(10))
    np.testing.assert_array_equal(right, _grey(20))
    assert pairs.stamps_ns() == {'000001': 1, '000000': 2}


def test_a_jpeg_is_read_at_half_its_size_on_request(folder):
    left, _ = PairFolder(folder).read_pair('000000', shrink=2)
    np.testing.assert_array_equal(left, _grey(10)[::2, ::2])


def test_true_depth_keeps_metres_and_gaps(folder):
    depth_m = PairFolder(folder).read_gt_depth('000000')
    assert depth_m[3, 4] == 12.5
    assert np.isnan(depth_m).sum() == depth_m.size - 1
    assert PairFolder(folder).read_gt_depth('000001') is None


def _without(key, path):
    values = json.loads(path.read_text())
    del values[key]
    path.write_text(json.dumps(values))


def _with(path, **changes):
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


@pytest.mark.parametrize(
    ('damage', 'words'),
    [
        (lambda f: (f / 'calib.json').unlink(), 'trainer ingest'),
        (lambda f: (f / 'calib.json').write_text('{"fx": 1,'), 'calib.json is no JSON object'),
        (lambda f: (f / 'calib.json').write_text('[1]'), 'calib.json is no JSON object'),
        (lambda f: _without('baseline_m', f / 'calib.json'), "lacks \\['baseline_m'\\]"),
        (lambda f: _with(f / 'calib.json', width=64.0), "lacks \\['width'\\].*whole ones"),
        (lambda f: _with(f / 'calib.json', baseline_m=-0.25), 'swapped'),
        (lambda f: (f / 'left' / '000001.PNG').touch(), '000001.PNG and 000001.jpg, expected one'),
        (lambda f: (f / 'right' / '000001.jpg').unlink(), "1 images without a partner.*'000001'"),
        (lambda f: [p.unlink() for p in (f / 'left').iterdir()], 'holds no images'),
    ],
)
def test_a_damaged_folder_is_explained(folder, damage, words):
    damage(folder)
    with pytest.raises((ValueError, FileNotFoundError), match=words):
        PairFolder(folder)


def test_blank_lines_unknown_stamps_and_capital_suffixes_are_no_fault(folder):
    (folder / 'timestamps.txt').write_text('000001 14:02:11.5\n \n\n000000\n')
    (folder / 'left' / '000001.jpg').rename(folder / 'left' / '000001.JPG')
    pairs = PairFolder(folder)
    assert pairs.paths('000001')[0].name == '000001.JPG'
    assert pairs.names == ['000001', '000000', *pairs.names[2:]]


def test_a_pair_of_which_an_image_cannot_be_read_is_named_and_passed_over(folder, capsys):
    writer = PairFolderWriter(folder, CALIBRATION)
    writer.add('000002', left_rgb=_grey(50), right_rgb=_grey(60), stamp_ns=3)
    (folder / 'right' / '000002.jpg').unlink()
    (folder / 'right' / '000002.jpg').symlink_to('unplugged')
    (folder / 'left' / '._000000.jpg').touch()
    assert PairFolder(folder).names == ['000001', '000000']
    assert capsys.readouterr().err.splitlines() == [
        f'{folder}/left: passed over 1 x attributes of macOS (e.g. ._000000.jpg)',
        f'{folder}/right: passed over 1 x dangling link (e.g. 000002.jpg)',
    ]
    for view in ('left', 'right'):
        (folder / view / '000000.jpg').unlink()
    (folder / 'left' / '000001.jpg').unlink()
    (folder / 'left' / '000001.jpg').mkdir()
    with pytest.raises(ValueError, match='pairs holds no pair of which both images can be read'):
        PairFolder(folder)


def test_numbers_without_leading_zeros_are_in_the_order_of_numbers(folder):
    (folder / 'timestamps.txt').unlink()
    for view in ('left', 'right'):
        for path in sorted((folder / view).iterdir()):
            path.rename(path.with_stem(str(9 + int(path.stem))))
    assert PairFolder(folder).names == ['9', '10']


def test_stamps_of_other_names_are_an_error_and_not_fewer_pairs(folder):
    (folder / 'timestamps.txt').write_text('000000.jpg 2\n000001.jpg 1\n')
    words = r"timestamps.txt names 2 images, e.g. '000000.jpg', but .* others, e.g. '000000'"
    with pytest.raises(ValueError, match=words):
        PairFolder(folder)


def test_stamps_that_fit_in_part_are_said(folder, capsys):
    (folder / 'timestamps.txt').write_text('000001 1\n000007 2\n')
    assert PairFolder(folder).names == ['000001', '000000']
    assert capsys.readouterr().err.splitlines() == [
        f"{folder}/timestamps.txt: 1 names without images, e.g. '000007', are left out",
        f"{folder}/timestamps.txt lacks 1 pairs, e.g. '000000'; they come last",
    ]


def test_an_unreadable_image_is_named(folder):
    (folder / 'left' / '000000.jpg').write_bytes(b'cut')
    with pytest.raises(ValueError, match=r'left/000000.jpg'):
        PairFolder(folder).read_pair('000000')


def test_a_writer_goes_on_in_a_folder_of_its_calibration_only(folder):
    writer = PairFolderWriter(folder, CALIBRATION)
    writer.add('000002', left_rgb=_grey(50), right_rgb=_grey(60), stamp_ns=3)
    assert PairFolder(folder).names == ['000001', '000000', '000002']
    other = replace(CALIBRATION, baseline_m=0.5)
    with pytest.raises(ValueError, match='pairs of another calibration'):
        PairFolderWriter(folder, other)


def test_a_writer_killed_between_two_images_leaves_whole_pairs(folder):
    PairFolderWriter(folder, CALIBRATION).write_images('000002', _grey(50), _grey(60))
    (folder / 'right' / '000002.jpg').rename(folder / 'right' / '000002.jpg.partial')
    assert PairFolder(folder).names == ['000001', '000000']


def test_a_line_that_a_full_disk_cut_does_not_spoil_the_next(folder):
    with (folder / 'timestamps.txt').open('a') as file:
        file.write('000002 17000')
    writer = PairFolderWriter(folder, CALIBRATION)
    writer.add('000002', left_rgb=_grey(50), right_rgb=_grey(60), stamp_ns=3)
    assert PairFolder(folder).stamps_ns() == {'000001': 1, '000000': 2, '000002': 3}


def test_grey_images_stay_grey(folder):
    grey = np.full((16, 32), 70, np.uint8)
    size_bytes = PairFolderWriter(folder, CALIBRATION).write_images('000002', grey, grey)
    file = folder / 'left' / '000002.jpg'
    assert size_bytes == 2 * file.stat().st_size
    assert cv2.imread(str(file), cv2.IMREAD_UNCHANGED).shape == (16, 32)


def test_a_full_disk_is_said_and_leaves_nothing_half(folder, monkeypatch):
    def full(*_):
        raise OSError(28, 'No space left on device')

    monkeypatch.setattr(Path, 'write_bytes', full)
    writer = PairFolderWriter(folder, CALIBRATION)
    with pytest.raises(OSError, match=r'left/000002.jpg could not be written \(No space left'):
        writer.add('000002', left_rgb=_grey(50), right_rgb=_grey(60), stamp_ns=3)
    assert PairFolder(folder).names == ['000001', '000000']
    assert not list(folder.rglob('*.partial'))


def test_every_folder_of_the_shared_data_is_read(shared_data):
    for path in sorted((shared_data / 'pairs').iterdir()):
        pairs = PairFolder(path)
        left, right = pairs.read_pair(pairs.names[0])
        assert left.shape == right.shape
