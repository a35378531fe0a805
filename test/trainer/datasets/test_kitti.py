"""KITTI raw and its scans."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from monodepth_ros.core.camera import Intrinsics
from test.helpers.trees import (
    BASELINE_M,
    DATE,
    DRIVE,
    HEIGHT,
    WIDTH,
    write_image,
    write_improved_depth,
    write_kitti_raw,
)
from trainer.datasets.kitti import velodyne_depth_m
from trainer.datasets.sources import fingerprint, open_sequences

CAMERA = Intrinsics(fx=60, fy=60, cx=31.5, cy=15.5, width=WIDTH, height=HEIGHT)
IMAGES = f'{DRIVE}/image_02/data/{{0}}.jpg {DRIVE}/image_03/data/{{0}}.jpg\n'


def test_a_drive_is_a_sequence_with_the_rectified_calibration(tmp_path):
    (drive,) = open_sequences(str(write_kitti_raw(tmp_path)))
    assert drive.path == tmp_path / DRIVE
    assert drive.names == ['0000000000', '0000000002']
    assert drive.calibration.intrinsics == CAMERA
    # P_rect_02[3] = 6 and P_rect_03[3] = -24: (6 + 24) / 60.
    assert drive.calibration.baseline_m == BASELINE_M == 0.5
    left, right = drive.read_pair('0000000002')
    assert left.shape == right.shape == (HEIGHT, WIDTH, 3)
    assert left[0, 0].tolist() == [100, 50, 50]


def test_what_only_looks_like_an_image_is_passed_over_in_all_drives(tmp_path, capsys):
    for number in ('10', '9'):
        write_kitti_raw(tmp_path, drive=f'{DATE}/{number}', names=['10', '9'])
        (tmp_path / DATE / number / 'image_03' / 'data' / '11.png').mkdir()
        write_image(tmp_path / DATE / number / 'image_02' / 'data' / '11.png', 100)
    drives = open_sequences(str(tmp_path))
    assert [(drive.path.name, drive.names) for drive in drives] == [
        ('9', ['9', '10']),
        ('10', ['9', '10']),
    ]
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2
    assert lines[0].endswith('9/image_03/data: passed over 1 x folder or device (e.g. 11.png)')


def test_a_training_is_told_apart_by_its_frames(tmp_path):
    before = fingerprint(open_sequences(str(write_kitti_raw(tmp_path))))
    write_kitti_raw(tmp_path, names=['0000000003'])
    assert fingerprint(open_sequences(str(tmp_path))) != before


def test_a_point_of_the_velodyne_by_hand(tmp_path):
    # 10.25 m ahead of the laser, which is 0.25 m behind the camera, 1 m left, 0.5 m up; camera 2
    # sees it 6 / 60 = 0.1 m further right: u = 31.5 + 60 * (-1 + 0.1) / 10, v = 15.5 - 3.
    point = np.array([[10.25, 1, 0.5], [20.25, 2, 1], [-10, 1, 0.5]])
    root = write_kitti_raw(tmp_path, points=point)
    for kind, depth_m in (('optical', 10), ('laser_x', 10.25)):
        (drive,) = open_sequences(str(root), velodyne_depth=kind)
        truth_m = drive.read_gt_depth('0000000000')
        # round(26.1) - 1, round(12.5) - 1: the ground truth of the field counts from 1.
        assert truth_m[11, 25] == depth_m
        # The second point lands there, too, but is farther: 31.5 + 60 * (-2 + 0.1) / 20 = 25.8.
        assert np.isfinite(truth_m).sum() == 1


def test_the_nearest_point_wins_and_one_behind_the_laser_is_left_out():
    # The laser's x is the camera's z, but for 1 m: a point at x = -0.5 is ahead of the camera.
    axes = np.array([[0, -1, 0, 0], [0, 0, -1, 0], [1, 0, 0, 1.0]])
    points = np.array([[9.0, 0, 0], [4, 0, 0], [19, 0, 0], [-0.5, 0, 0]])
    truth_m = velodyne_depth_m(
        points, projection=CAMERA.matrix() @ axes, camera=CAMERA, velodyne_depth='optical'
    )
    # round(31.5) is 32, to even; round(15.5) 16.
    assert truth_m[15, 31] == 5
    assert np.isfinite(truth_m).sum() == 1


def test_a_frame_without_a_scan_has_no_truth(tmp_path):
    (drive,) = open_sequences(str(write_kitti_raw(tmp_path)))
    assert drive.read_gt_depth('0000000000') is None


@pytest.mark.parametrize(
    'place',
    [
        'raw/2011_09_26',
        'raw/train',
        'raw/data_depth_annotated/val',
        'train',
        'data_depth_annotated/train',
        'gts',
    ],
)
def test_an_annotated_depth_map_is_found_wherever_people_unpack_it(tmp_path, place):
    (drive,) = open_sequences(str(write_kitti_raw(tmp_path / 'raw')))
    depth_m = np.zeros((HEIGHT, WIDTH))
    depth_m[20, 10] = 12.5  # stored as 3200
    write_improved_depth(tmp_path / place / drive.path.name, '0000000002', depth_m)
    improved_m = drive.read_improved_depth('0000000002')
    assert improved_m[20, 10] == 12.5
    assert np.isfinite(improved_m).sum() == 1
    assert drive.read_improved_depth('0000000000') is None


def test_an_annotated_depth_map_of_another_size_is_named(tmp_path):
    (drive,) = open_sequences(str(write_kitti_raw(tmp_path)))
    write_improved_depth(drive.path, '0000000000', np.ones((HEIGHT, 60)))
    with pytest.raises(
        ValueError, match=r'0000000000\.png is uint16 of shape \(32, 60\), expected'
    ):
        drive.read_improved_depth('0000000000')


@pytest.mark.parametrize(
    'lines',
    [IMAGES.format('0000000002'), f'{DRIVE} 2 l\n', f'{DRIVE} 2 l\n\n{DRIVE} 2 r\n'],
    ids=['two paths', 'frame and side', 'both sides'],
)
def test_both_formats_of_a_list_name_a_pair_once(tmp_path, lines):
    root = write_kitti_raw(tmp_path / 'raw')
    (tmp_path / 'split.txt').write_text(lines)
    (drive,) = open_sequences(f'{root}@{tmp_path / "split.txt"}')
    assert drive.names == ['0000000002']


def test_a_list_keeps_drives_apart_and_times_in_order(tmp_path):
    other = f'{DATE}/{DATE}_drive_0009_sync'
    root = write_kitti_raw(tmp_path / 'raw')
    write_kitti_raw(root, drive=other)
    (tmp_path / 'split.txt').write_text(f'{other} 2 l\n{DRIVE} 2 l\n{other} 0 l\n')
    first, second = open_sequences(f'{root}@{tmp_path / "split.txt"}')
    assert (first.path, first.names) == (root / other, ['0000000000', '0000000002'])
    assert (second.path, second.names) == (root / DRIVE, ['0000000002'])


@pytest.mark.parametrize(
    ('lines', 'words'),
    [
        ('', 'split.txt is empty'),
        (f'{DRIVE} 2 l\nnonsense\n', "line 2 is 'nonsense', expected `DATE/DRIVE/image_02"),
        (IMAGES.format('0000000007') + IMAGES.format('0000000008'), 'names 2 pairs .* 0000000007'),
        ('2011_09_28/2011_09_28_drive_0001_sync 3 l', 'names 1 pairs .* 0000000003'),
    ],
)
def test_a_list_that_cannot_be_is_one_line(tmp_path, lines, words):
    root = write_kitti_raw(tmp_path / 'raw')
    (tmp_path / 'split.txt').write_text(lines)
    with pytest.raises((ValueError, FileNotFoundError), match=words):
        open_sequences(f'{root}@{tmp_path / "split.txt"}')


def test_a_missing_list_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r'none\.txt not found'):
        open_sequences(f'{write_kitti_raw(tmp_path)}@{tmp_path / "none.txt"}')


def test_a_calibration_without_its_keys_is_named(tmp_path):
    root = write_kitti_raw(tmp_path)
    (root / DATE / 'calib_cam_to_cam.txt').write_text('R_rect_00: 1 0 0 0 1 0 0 0 1\n')
    with pytest.raises(ValueError, match=r"calib_cam_to_cam\.txt lacks \['P_rect_02'"):
        open_sequences(str(root))


def test_a_calibration_or_a_scan_cut_short_is_named(tmp_path):
    root = write_kitti_raw(tmp_path, points=np.ones((2, 3)))
    (drive,) = open_sequences(str(root))
    scan = root / DRIVE / 'velodyne_points' / 'data' / '0000000000.bin'
    scan.write_bytes(scan.read_bytes()[:-4])
    with pytest.raises(ValueError, match=r'0000000000\.bin holds 7 numbers, expected 4 per point'):
        drive.read_gt_depth('0000000000')
    (root / DATE / 'calib_velo_to_cam.txt').write_text('R: 1 0\nT: 0 0 0\n')
    with pytest.raises(ValueError, match=r"calib_velo_to_cam\.txt has R: '1 0', expected 9 numb"):
        drive.read_gt_depth('0000000002')


def test_an_image_of_another_size_is_named(tmp_path):
    root = write_kitti_raw(tmp_path)
    write_image(root / DRIVE / 'image_03' / 'data' / '0000000002.png', 1, width=60)
    (drive,) = open_sequences(str(root))
    with pytest.raises(ValueError, match=r'0000000002\.png is 60 x 32 .* expected 64 x 32'):
        drive.read_pair('0000000002')


def test_a_tree_that_nobody_knows_says_what_is_read(tmp_path):
    with pytest.raises(FileNotFoundError, match=r'is none of .* pair folder.*KITTI raw.*Citysc'):
        open_sequences(str(tmp_path))
    with pytest.raises(FileNotFoundError, match=r'none not found.*trainer ingest'):
        open_sequences(str(tmp_path / 'none'))
    with pytest.raises(ValueError, match=r'neither KITTI raw nor Cityscapes'):
        open_sequences(f'{tmp_path}@list.txt')


def _resize(root, width, height):
    for path in root.rglob('*.png'):
        cv2.imwrite(str(path), cv2.resize(cv2.imread(str(path)), (width, height)))


def test_a_tree_that_was_resized_is_scaled_with_its_scans(tmp_path):
    point = np.array([[10.25, 1, 0.5]])
    root = write_kitti_raw(tmp_path, points=point)
    _resize(root, WIDTH // 2, HEIGHT // 2)
    (drive,) = open_sequences(str(root))
    assert drive.calibration.intrinsics == CAMERA.scaled_to(width=WIDTH // 2, height=HEIGHT // 2)
    assert drive.calibration.baseline_m == BASELINE_M
    # 26.1 and 12.5 px of the full size: (26.1 + 0.5) / 2 - 0.5 = 12.8 and 6, counted from 1.
    assert drive.read_gt_depth('0000000000')[5, 12] == 10
    assert drive.read_pair('0000000000')[0].shape == (HEIGHT // 2, WIDTH // 2, 3)


def test_a_tree_that_was_cropped_is_refused(tmp_path):
    root = write_kitti_raw(tmp_path)
    _resize(root, WIDTH, HEIGHT - 1)
    with pytest.raises(ValueError, match=r'of 64 x 32 px, got 64 x 31: .* expected one factor'):
        open_sequences(str(root))
