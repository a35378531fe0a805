"""Cityscapes."""

from __future__ import annotations

import json

import cv2
import pytest

from monodepth_ros.core.camera import Intrinsics
from test.helpers.trees import write_cityscapes, write_image
from trainer.datasets.sources import open_sequences

NAMES = {
    'train/aachen': ['aachen_000000_000019', 'aachen_000001_000019'],
    'val/lindau': ['lindau_000000_000019'],
}


@pytest.fixture
def root(tmp_path):
    return write_cityscapes(tmp_path / 'cityscapes', NAMES)


def test_a_city_is_a_sequence_without_the_bonnet(root):
    aachen, lindau = open_sequences(str(root))
    assert aachen.names == NAMES['train/aachen']
    assert lindau.names == NAMES['val/lindau']
    # 4 / 5 of 32 rows; the principal point stays: (1023.5 + 0.5) / 32 - 0.5.
    kept = Intrinsics(fx=60, fy=61, cx=31.5, cy=14.5, width=64, height=25)
    assert aachen.calibration.intrinsics == kept
    assert aachen.calibration.baseline_m == 0.209313
    left, right = aachen.read_pair(aachen.names[0], shrink=2)
    assert left.shape == right.shape == (25, 64, 3)
    assert aachen.read_gt_depth(aachen.names[0]) is None


def test_a_jpeg_comes_shrunk_without_the_bonnet(root):
    """32 rows become 16, of which those of 25 are kept."""
    for path in root.glob('*/train/aachen/*.png'):
        cv2.imwrite(str(path.with_suffix('.jpg')), cv2.imread(str(path)))
        path.unlink()
    aachen, _ = open_sequences(str(root))
    left, right = aachen.read_pair(aachen.names[0], shrink=2)
    assert left.shape == right.shape == (13, 32, 3)


def test_cameras_that_differ_are_sequences_of_their_own(root):
    path = root / 'camera' / 'train/aachen' / 'aachen_000001_000019_camera.json'
    values = json.loads(path.read_text())
    values['intrinsic']['fx'] = 32 * 70
    path.write_text(json.dumps(values))
    first, second, _ = open_sequences(str(root))
    assert (first.names, second.names) == (NAMES['train/aachen'][:1], NAMES['train/aachen'][1:])
    assert second.calibration.intrinsics.fx == 70


def test_a_list_restricts_the_tree(root, tmp_path):
    name = 'train/aachen/aachen_000001_000019'
    (tmp_path / 'split.txt').write_text(
        f'leftImg8bit/{name}_leftImg8bit.jpg rightImg8bit/{name}_rightImg8bit.jpg\n'
    )
    (aachen,) = open_sequences(f'{root}@{tmp_path / "split.txt"}')
    assert aachen.names == ['aachen_000001_000019']


@pytest.mark.parametrize(
    ('line', 'words'),
    [
        ('leftImg8bit/train/x.png', 'line 1 is .* expected `leftImg8bit/SPLIT/CITY/NAME_left'),
        (
            'leftImg8bit/val/ulm/a_leftImg8bit.png rightImg8bit/val/ulm/a_rightImg8bit.png',
            'names 1 pairs .* first is a of .*leftImg8bit/val/ulm',
        ),
    ],
)
def test_a_list_that_cannot_be_is_one_line(root, tmp_path, line, words):
    (tmp_path / 'split.txt').write_text(line)
    with pytest.raises((ValueError, FileNotFoundError), match=words):
        open_sequences(f'{root}@{tmp_path / "split.txt"}')


def test_a_camera_file_that_is_missing_or_damaged_is_named(root):
    path = root / 'camera' / 'val/lindau' / 'lindau_000000_000019_camera.json'
    for text, words in (('{"intrinsic": {"fx": 1}}', "'fy'"), ('{"intr', 'Unterminated string')):
        path.write_text(text)
        with pytest.raises(ValueError, match=rf'000019_camera\.json cannot be used .{words}'):
            open_sequences(str(root))
    path.unlink()
    with pytest.raises(FileNotFoundError, match='download the camera files'):
        open_sequences(str(root))


def test_images_of_another_shape_than_the_cameras_are_refused(root):
    name = NAMES['val/lindau'][0]
    write_image(root / 'leftImg8bit' / 'val/lindau' / f'{name}_leftImg8bit.png', 9, height=31)
    with pytest.raises(
        ValueError, match=rf'{name}_camera\.json is of .* 2048 x 1024 px, got 64 x 31'
    ):
        open_sequences(str(root))
