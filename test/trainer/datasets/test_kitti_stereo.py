"""KITTI stereo 2015."""

from __future__ import annotations

import numpy as np
import pytest

from test.helpers.trees import (
    FOCAL_PX,
    HEIGHT,
    projections,
    WIDTH,
    write_image,
    write_kitti_stereo,
)
from trainer.datasets.sources import open_sequences


def _disparity(value_px):
    disparity_px = np.full((HEIGHT, WIDTH), value_px)
    disparity_px[0, 0] = 0
    return disparity_px


def test_depth_is_focal_length_times_54_cm_over_disparity(tmp_path):
    root = write_kitti_stereo(tmp_path, disparities={'000000': _disparity(4.5)})
    (pairs,) = open_sequences(str(root))
    assert pairs.names == ['000000_10']
    truth_m = pairs.read_gt_depth('000000_10')
    assert truth_m[1, 1] == pytest.approx(FOCAL_PX * 0.54 / 4.5)
    assert np.isnan(truth_m[0, 0])
    # The rig that took the pictures is another one.
    assert (pairs.calibration.baseline_m, pairs.nominal.baseline_m) == (0.5, 0.54)


def test_pairs_are_grouped_by_calibration_and_size(tmp_path):
    names = ('000000', '000001', '000002')
    root = write_kitti_stereo(tmp_path, disparities={name: _disparity(2) for name in names})
    for view in ('image_2', 'image_3'):
        write_image(root / 'training' / view / '000001_10.png', 9, width=60)
    calibration = root / 'training' / 'calib_cam_to_cam' / '000001.txt'
    calibration.write_text(calibration.read_text().replace(f'{WIDTH:.6e}', f'{60:.6e}'))
    first, second = open_sequences(str(root))
    assert (first.names, second.names) == (['000000_10', '000002_10'], ['000001_10'])
    assert second.calibration.intrinsics.width == 60


def test_the_calibration_of_the_2012_kind_is_read_too(tmp_path):
    root = write_kitti_stereo(tmp_path, disparities={'000000': _disparity(2)})
    (expected,) = open_sequences(str(root))
    (root / 'training' / 'calib_cam_to_cam').rename(root / 'training' / 'calib')
    (root / 'training' / 'calib' / '000000.txt').write_text(projections('P', left='2', right='3'))
    (pairs,) = open_sequences(str(root))
    assert pairs.calibration == expected.calibration


def test_missing_parts_are_named(tmp_path):
    root = write_kitti_stereo(tmp_path, disparities={'000000': _disparity(2)})
    (root / 'training' / 'disp_noc_0' / '000000_10.png').unlink()
    (pairs,) = open_sequences(str(root))
    assert pairs.read_gt_depth('000000_10') is None
    (root / 'training' / 'calib_cam_to_cam' / '000000.txt').unlink()
    with pytest.raises(FileNotFoundError, match=r'no 000000\.txt in calib_cam_to_cam or calib'):
        open_sequences(str(root))


def test_a_truth_of_another_size_is_named(tmp_path):
    root = write_kitti_stereo(tmp_path, disparities={'000000': np.full((4, 5), 2.0)})
    (pairs,) = open_sequences(str(root))
    with pytest.raises(
        ValueError,
        match=r'disp_noc_0/000000_10\.png is uint16 of shape \(4, 5\), expected .*\(32, 64\)',
    ):
        pairs.read_gt_depth('000000_10')


def test_a_resized_tree_is_refused_for_its_disparities_are_of_the_full_size(tmp_path):
    root = write_kitti_stereo(tmp_path, disparities={'000000': _disparity(2)})
    write_image(root / 'training' / 'image_2' / '000000_10.png', 9, width=32, height=16)
    with pytest.raises(ValueError, match='of 64 x 32 px, got 32 x 16; its disparities'):
        open_sequences(str(root))
