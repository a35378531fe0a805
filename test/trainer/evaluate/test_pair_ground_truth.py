"""The truth of pairs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from test.helpers.stereo_folders import SHIFT_PX, write_pairs
from test.helpers.tiny_model import CAMERA
from test.helpers.trees import write_kitti_raw, write_kitti_stereo, write_red_pairs
from trainer.evaluate.config import EvaluateConfig
from trainer.evaluate.pair_ground_truth import pair_ground_truth

FLAT_M = np.full((CAMERA.height, CAMERA.width), 5, np.float32)


def _names(data, **options):
    truth = pair_ground_truth(str(data), EvaluateConfig(**options))
    return [frame and frame.name for frame in truth.frames]


def test_frames_without_a_truth_are_none(tmp_path):
    frames = {'a': (1, FLAT_M), 'b': (1, None), 'c': (1, FLAT_M)}
    assert _names(write_red_pairs(tmp_path / 'p', frames)) == ['p/a', None, 'p/c']


def test_a_part_is_a_fraction_of_the_frames(tmp_path):
    pairs = write_red_pairs(tmp_path / 'p', dict.fromkeys('abcd', (1, FLAT_M)))
    assert _names(pairs, first_share=0.25, last_share=0.75) == ['p/b', 'p/c']
    assert pair_ground_truth(str(pairs), EvaluateConfig(first_share=0.25)).max_frames == 3


def test_matching_finds_the_known_disparity(tmp_path):
    truth = pair_ground_truth(str(write_pairs(tmp_path / 'p')), EvaluateConfig(truth='stereo'))
    frame = next(iter(truth.frames))
    # fx 60 px * 0.5 m over SHIFT_PX.
    assert np.nanmedian(frame.ground_truth.depth_m) == pytest.approx(60 * 0.5 / SHIFT_PX, rel=0.05)
    assert 'an estimate' in truth.label


def test_what_the_truth_is_and_whose_benchmark(tmp_path):
    raw = str(write_kitti_raw(tmp_path / 'raw', points=np.array([[5.25, 0, 0]])))
    optical = pair_ground_truth(raw, EvaluateConfig())
    papers = pair_ground_truth(raw, EvaluateConfig(velodyne_depth='laser_x'))
    assert (optical.benchmark, papers.benchmark) == ('kitti raw', 'kitti raw')
    assert 'optical axis' in optical.label
    assert "the laser's x" in papers.label
    nearest_m = [np.nanmin(next(iter(t.frames)).ground_truth.depth_m) for t in (optical, papers)]
    assert nearest_m == [5, 5.25]
    # An estimate is no benchmark.
    assert pair_ground_truth(raw, EvaluateConfig(truth='stereo')).benchmark is None


def test_only_kitti_raw_has_an_improved_truth(tmp_path):
    pairs = write_red_pairs(tmp_path / 'p', {'a': (1, FLAT_M)})
    with pytest.raises(ValueError, match=r'--truth improved is that of KITTI raw, but .*p is'):
        pair_ground_truth(str(pairs), EvaluateConfig(truth='improved'))


def test_only_measured_disparities_are_disparities(tmp_path):
    root = write_kitti_stereo(tmp_path, disparities={'000000': np.full((32, 64), 6.0)})
    (frame,) = pair_ground_truth(str(root), EvaluateConfig()).frames
    assert frame.disparity.nominal.baseline_m == 0.54
    (frame,) = pair_ground_truth(str(root), EvaluateConfig(truth='stereo')).frames
    assert frame.disparity is None


def test_intrinsics_that_cannot_be_of_the_images_are_told(tmp_path, capsys):
    twice = replace(CAMERA, cx=2 * CAMERA.cx + 0.5, cy=2 * CAMERA.cy + 0.5)
    for name, camera in (('good', CAMERA), ('bad', twice)):
        pair_ground_truth(
            str(write_red_pairs(tmp_path / name, {'a': (1, FLAT_M)}, camera)), EvaluateConfig()
        )
    said = capsys.readouterr().err
    assert said.count('\n') == 1
    assert f'bad: fx {CAMERA.fx:g}' in said
    assert 'they are those of 256 x 128 px' in said
