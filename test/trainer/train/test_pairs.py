"""Training samples out of pair folders."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch

from monodepth_ros.core.camera import Camera, Intrinsics, StereoCalibration
from monodepth_ros.core.canonical import ImageWarp
from monodepth_ros.storage.pair_folder import PairFolder, PairFolderWriter, VIEWS
from test.helpers.stereo_folders import BASELINE_M, RIG, write_pairs
from trainer.datasets.disparity_files import write_disparity_px
from trainer.datasets.hints import Hints
from trainer.train.pairs import CanonicalViews, PairDataset, PairName, SampleKey, split_in_time


@pytest.fixture
def folder(tmp_path):
    return PairFolder(write_pairs(tmp_path / 'pairs', 20))


def _dataset(folder, **changes):
    names = split_in_time([folder])[0]
    values = {'baseline_m': BASELINE_M, 'seed': 1} | changes
    return PairDataset([CanonicalViews(folder, RIG)], names, **values)


def test_a_sample_in_the_rigs_own_camera_is_the_image(folder):
    sample = _dataset(folder)[SampleKey(3, None)]
    left, right = folder.read_pair(folder.names[3])
    np.testing.assert_array_equal(sample.left.permute(1, 2, 0), left)
    np.testing.assert_array_equal(sample.right.permute(1, 2, 0), right)
    assert sample.baseline_ratio == 1
    assert sample.name.endswith('pairs, pair 3')


def test_the_baseline_ratio_is_the_rigs_over_the_canonical_one(folder):
    assert _dataset(folder, baseline_m=0.25)[SampleKey(0, None)].baseline_ratio == 2


def test_a_draw_is_the_same_wherever_it_is_made(folder):
    first, second = (_dataset(folder)[SampleKey(0, 7)].augmentation for _ in range(2))
    torch.testing.assert_close(first, second, rtol=0, atol=0)
    draws = [_dataset(folder)[SampleKey(0, draw)].augmentation.gain[0] for draw in range(40)]
    assert 10 < sum(gain == 1 for gain in draws) < 30
    assert len(set(map(float, draws))) > 10


def test_the_last_tenth_in_time_validates(folder, tmp_path):
    few = PairFolder(write_pairs(tmp_path / 'few', 9))
    training, validation = split_in_time([folder, few])
    assert [pair.name for pair in validation] == ['18', '19']  # in time, not in the alphabet
    assert {pair.sequence for pair in validation} == {0}
    assert len(training) == 18 + 9


def test_an_unusable_pair_is_replaced_by_the_next_one_and_named(folder, capsys):
    (folder.path / 'left' / '3.jpg').write_bytes(b'cut')
    cv2.imwrite(str(folder.path / 'right' / '4.jpg'), np.full((32, 64), 9, np.uint8))
    sample = _dataset(folder)[SampleKey(3, None)]
    assert sample.name.endswith('pair 5')
    said = capsys.readouterr().err
    assert '3.jpg: got 3 bytes' in said
    assert 'pair 4: an image of one colour' in said


def test_nothing_but_unusable_pairs_is_an_error(folder):
    for path in (folder.path / 'left').iterdir():
        path.write_bytes(b'cut')
    with pytest.raises(ValueError, match=r'10 pairs in a row are unusable.*7.jpg'):
        _dataset(folder)[SampleKey(16, None)]


def test_images_of_another_size_are_named(folder):
    path = folder.path / 'right' / '0.jpg'
    cv2.imwrite(str(path), np.zeros((32, 60), np.uint8))
    with pytest.raises(ValueError, match=r'0.jpg is 60 x 32.*expected 64 x 32'):
        CanonicalViews(folder, RIG).read('0')


@pytest.mark.parametrize('width', [640, 639])
def test_a_jpeg_decoded_small_lies_where_the_full_one_does(tmp_path, width):
    """A smooth image: the shrunk way and the full one agree to a grey level, odd widths too."""
    rig = Intrinsics(600, 600, 310.0, 100.0, width, 200)
    v, u = np.mgrid[:200, :width]
    smooth = np.stack([u * 255 // width, v * 255 // 200, (u + v) // 4], axis=-1).astype(np.uint8)
    writer = PairFolderWriter(tmp_path / 'pairs', StereoCalibration(rig, 0.5))
    writer.add('0', left_rgb=smooth, right_rgb=smooth, stamp_ns=0)
    canonical = Intrinsics(150, 150, 79.0, 24.5, 150, 48)
    folder = PairFolder(tmp_path / 'pairs')
    small = CanonicalViews(folder, canonical)
    assert small._shrink == 4
    full = ImageWarp(Camera.pinhole(rig), canonical).warp(folder.read_pair('0')[0])
    difference = small.read('0')[0].transpose(1, 2, 0).astype(int) - full
    assert abs(difference[2:-2, 2:-2].mean()) < 0.3
    assert np.abs(difference[2:-2, 2:-2]).max() <= 3


def test_hints_in_the_canonical_camera_are_fractions_of_its_width(tmp_path):
    """A rig of twice the focal length and width: its 8 px are 4 of the canonical 64."""
    rig = Intrinsics(fx=120, fy=120, cx=63.5, cy=31.5, width=128, height=64)
    writer = PairFolderWriter(tmp_path / 'pairs', StereoCalibration(rig, BASELINE_M))
    views = np.random.default_rng(0).integers(0, 256, (2, 64, 128, 3), np.uint8)
    writer.add('0', left_rgb=views[0], right_rgb=views[1], stamp_ns=0)
    disparity_px = np.full((64, 128), np.nan, np.float32)
    disparity_px[:, :60] = 8
    for view in VIEWS:
        (tmp_path / 'pairs' / 'hints_theirs' / view).mkdir(parents=True)
        write_disparity_px(tmp_path / 'pairs' / 'hints_theirs' / view / '0.png', disparity_px)
    folder = PairFolder(tmp_path / 'pairs')
    views = CanonicalViews(folder, RIG, Hints(folder, 'theirs', folder.names))
    dataset = PairDataset([views], [PairName(0, '0')], baseline_m=BASELINE_M, seed=1)
    hints = dataset[SampleKey(0, 3)].hints
    assert (hints.shape, hints.dtype) == ((2, 32, 64), torch.float16)
    assert (hints[..., :30] == 4 / 64).all()
    assert (hints[..., 30:] == 0).all()
    # A validation is by the images alone.
    assert dataset[SampleKey(0, None)].hints.numel() == 0


def test_a_training_without_hints_carries_none(folder):
    assert _dataset(folder)[SampleKey(0, 3)].hints.numel() == 0
