"""The dataset format."""

from __future__ import annotations

import json

import numpy as np
import pytest

from monodepth_ros.core.camera import Intrinsics
from monodepth_ros.pair_folder import PairFolder, StereoCalibration, write_pair_folder

CALIBRATION = StereoCalibration(Intrinsics(100, 101, 15.5, 7.5, 32, 16), 0.25)


def _grey(value):
    return np.full((16, 32, 3), value, np.uint8)


@pytest.fixture
def folder(tmp_path):
    depth_m = np.full((16, 32), np.nan, np.float32)
    depth_m[3, 4] = 12.5
    with write_pair_folder(tmp_path / 'pairs', CALIBRATION) as writer:
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


def test_blank_lines_foreign_stamps_and_capital_suffixes_are_no_fault(folder):
    (folder / 'timestamps.txt').write_text('000001 14:02:11.5\n \n\n000000\n')
    (folder / 'left' / '000001.jpg').rename(folder / 'left' / '000001.JPG')
    pairs = PairFolder(folder)
    assert pairs.paths('000001')[0].name == '000001.JPG'
    assert pairs.names == ['000001', '000000', *pairs.names[2:]]


def test_an_unreadable_image_is_named(folder):
    (folder / 'left' / '000000.jpg').write_bytes(b'cut')
    with pytest.raises(ValueError, match=r'left/000000.jpg'):
        PairFolder(folder).read_pair('000000')


def test_an_error_while_writing_leaves_no_folder(tmp_path):
    with pytest.raises(KeyError), write_pair_folder(tmp_path / 'pairs', CALIBRATION):
        raise KeyError
    assert list(tmp_path.iterdir()) == []


def test_every_folder_of_the_shared_data_is_read(shared_data):
    for path in sorted((shared_data / 'pairs').iterdir()):
        pairs = PairFolder(path)
        left, right = pairs.read_pair(pairs.names[0])
        assert left.shape == right.shape
