"""The check, on good pairs and on the same with one fault each."""

from __future__ import annotations

from dataclasses import replace
import json

import cv2
import numpy as np
import pytest

from monodepth_ros.core.camera import StereoCalibration
from monodepth_ros.storage.pair_folder import PairFolder, PairFolderWriter
from test.helpers.drives import RIG, write_drive
from test.helpers.faulty_pairs import FAULTS, FaultySequence, HALVED_BASELINE
from test.helpers.stereo_folders import RIG as TINY_RIG
from test.helpers.stereo_folders import SIZE, write_pairs
from trainer.__main__ import main
from trainer.check.config import CheckConfig
from trainer.check.evidence import sampled, shrunk_to
from trainer.check.limits import Limits, Verdict
from trainer.check.preflight import (
    check_sequence,
    check_sequences,
    fault_text,
    NothingReadable,
    quick_check,
)

CONFIG = CheckConfig(pairs=5)
REAL = {
    'euroc_v1_micro': 'stands',
    'karlsruhe_2010_03_09_drive_0023': 'drives',
    'karlsruhe_singles_1344x391': 'singles',
    'kitti_odo_00': 'drives',
    'kitti_odo_02_color': 'drives',
    'kitti_odo_03': 'drives',
    'kitti_odo_seq1': 'drives',
    'kitti_odo_seq2': 'drives',
    'kitti_singles_1242x375_color': 'singles',
}


@pytest.fixture(scope='module')
def drive(tmp_path_factory):
    return PairFolder(write_drive(tmp_path_factory.mktemp('drive') / 'good'))


@pytest.fixture
def swapped_folder(drive, tmp_path):
    """The drive with its folders exchanged, as a user has it."""
    path = tmp_path / 'swapped'
    path.mkdir()
    (path / 'left').symlink_to(drive.path / 'right')
    (path / 'right').symlink_to(drive.path / 'left')
    (path / 'calib.json').symlink_to(drive.path / 'calib.json')
    return path


def _rows(check):
    return {row.measure: row for row in check.rows}


def _flat_folder(path, *, level=90, count=3):
    """Pairs of one colour each."""
    writer = PairFolderWriter(path, StereoCalibration(TINY_RIG, 0.5))
    for number in range(count):
        grey = np.full((32, 64, 3), level, np.uint8)
        writer.add(f'{number}', left_rgb=grey, right_rgb=grey, stamp_ns=number)
    return path


def test_good_pairs_are_ok_in_every_line(drive):
    check = check_sequence(drive, CONFIG)
    assert [row for row in check.rows if row.verdict is not Verdict.OK or row.remedy] == []
    assert 'not measurable' not in ' '.join(row.measured for row in check.rows)
    baseline_m = float(_rows(check)['baseline'].measured.split()[0])
    assert baseline_m == pytest.approx(RIG.baseline_m, rel=0.01)
    # 300 px * 0.3 m / (0.3 * 480 px)
    assert _rows(check)['depth range'].measured.startswith('0.62 m')


@pytest.mark.parametrize('fault', FAULTS)
def test_each_fault_is_found_on_its_line(drive, fault):
    spoilt, measure = FAULTS[fault]
    check = check_sequence(FaultySequence(drive, **spoilt), CONFIG)
    row = _rows(check)[measure]
    assert row.verdict is Verdict.FAULT
    assert row.remedy
    assert measure in fault_text([check])


def test_intrinsics_of_another_size_are_a_fault_that_names_both_sizes(drive):
    full = drive.calibration.intrinsics
    half = FaultySequence(drive, spoil=lambda left, right: (left[::2, ::2], right[::2, ::2]))
    size = {'width': full.width // 2, 'height': full.height // 2}
    half.calibration = replace(drive.calibration, intrinsics=replace(full, **size))
    row = _rows(check_sequence(half, CONFIG))['intrinsics']
    assert row.verdict is Verdict.FAULT
    assert f'{size["width"]} x {size["height"]} px: they are those of' in row.measured
    assert f'those of {full.width} x {full.height} px' in row.measured


def test_the_quick_check_looks_at_the_intrinsics_of_all_sequences(drive):
    other_size = FaultySequence(drive)
    full = drive.calibration.intrinsics
    other_size.calibration = replace(drive.calibration, intrinsics=replace(full, fx=2.0, fy=2.0))
    sequences = [drive] * 5 + [other_size]
    assert 'look normalised' in fault_text(quick_check(sequences))


def test_a_halved_baseline_is_found_by_the_truth(drive):
    row = _rows(check_sequence(FaultySequence(drive, **HALVED_BASELINE), CONFIG))['baseline']
    assert row.verdict is Verdict.FAULT
    assert 'a baseline of 0.30' in row.remedy


def test_a_fault_of_the_rig_is_not_blamed_on_its_dense_matching(drive):
    check = check_sequence(FaultySequence(drive, **FAULTS['swapped'][0]), CONFIG)
    assert [row.measure for row in check.of(Verdict.FAULT)] == ['order of the views']
    assert 'swapped' in _rows(check)['order of the views'].measured
    assert 'correct the faults' in _rows(check)['texture'].measured


def test_late_frames_are_not_blamed_on_the_order(drive):
    rows = _rows(check_sequence(FaultySequence(drive, late_frames=2), CONFIG))
    assert rows['right frames late'].measured.startswith('+')
    assert 'right images were taken about' in rows['right frames late'].remedy
    assert 'not measurable' in rows['order of the views'].measured


def test_a_standing_robot_has_no_fault(tmp_path):
    check = check_sequence(PairFolder(write_drive(tmp_path / 'still', step_m=0)), CONFIG)
    assert fault_text([check]) == ''
    assert 'not measurable' in _rows(check)['right frames late'].measured
    assert _rows(check)['repeated frames'].verdict is Verdict.OK


def test_a_frozen_view_and_repeated_frames(drive):
    frozen = drive.read_pair(drive.names[0])[1]
    stuck = FaultySequence(drive, spoil=lambda left, right: (left, frozen))
    row = _rows(check_sequence(stuck, CONFIG))['repeated frames']
    assert (row.verdict, 'right camera is frozen' in row.remedy) == (Verdict.FAULT, True)
    first = drive.read_pair(drive.names[0])
    again = FaultySequence(drive, spoil=lambda left, right: first)
    assert _rows(check_sequence(again, CONFIG))['repeated frames'].verdict is Verdict.WARNING


def test_what_cannot_be_measured_is_a_warning_at_most(tmp_path):
    tiny = check_sequence(PairFolder(write_pairs(tmp_path / 'tiny')), CONFIG)
    assert fault_text([tiny]) == ''
    flat = check_sequence(PairFolder(_flat_folder(tmp_path / 'flat')), CONFIG)
    assert fault_text([flat]) == ''
    assert _rows(flat)['matches'].verdict is Verdict.WARNING
    assert _rows(flat)['contrast'].verdict is Verdict.WARNING


def test_pairs_of_12_bits_are_judged_as_those_of_8_and_the_bits_are_said(tmp_path):
    path = write_pairs(tmp_path / 'pairs')
    same = _rows(check_sequence(PairFolder(path), CONFIG))
    for jpeg in path.rglob('*.jpg'):
        deep = np.rint(cv2.imread(str(jpeg)) * (4095 / 255)).astype(np.uint16)
        cv2.imwrite(str(jpeg.with_suffix('.png')), deep)
        jpeg.unlink()
    rows = _rows(check_sequence(PairFolder(path), CONFIG))
    assert rows.keys() - same.keys() == {'bit depth'}
    assert '16-bit images, taken as 12 bits (white is 4095)' in rows['bit depth'].measured
    assert [rows[name] for name in same] == list(same.values())
    calibration = path / 'calib.json'
    calibration.write_text(json.dumps(json.loads(calibration.read_text()) | {'bits': 10}))
    row = _rows(check_sequence(PairFolder(path), CONFIG))['bit depth']
    assert (row.verdict, 'set "bits": 12 in calib.json' in row.remedy) == (Verdict.WARNING, True)


def test_the_wanted_depth_is_compared_with_the_rigs(drive):
    near = _rows(check_sequence(drive, CheckConfig(pairs=1, nearest_m=0.5)))['depth range']
    assert (near.verdict, near.expected) == (Verdict.FAULT, 'from 0.5 m')
    far = _rows(check_sequence(drive, CheckConfig(pairs=1, farthest_m=200)))['depth range']
    assert far.verdict is Verdict.WARNING
    both = CheckConfig(pairs=1, nearest_m=1, farthest_m=80)
    assert _rows(check_sequence(drive, both))['depth range'].verdict is Verdict.OK


def test_unreadable_pairs_are_counted_and_named(tmp_path):
    path = write_pairs(tmp_path / 'pairs')
    (path / 'right' / '2.jpg').write_bytes(b'cut')
    row = _rows(check_sequence(PairFolder(path), CONFIG))['pairs read']
    assert (row.measured, row.verdict) == ('3 of 4', Verdict.WARNING)
    assert '2.jpg' in row.remedy
    for file in (path / 'left').iterdir():
        file.write_bytes(b'cut')
    with pytest.raises(NothingReadable, match=r'none of 4 pairs can be read: .*copy it again'):
        check_sequence(PairFolder(path), CONFIG)


def test_a_sequence_of_which_nothing_can_be_read_is_found_among_hundreds(tmp_path):
    good, bad = (PairFolder(write_pairs(tmp_path / name)) for name in ('good', 'bad'))
    for file in (bad.path / 'left').glob('[0-2].jpg'):
        file.write_bytes(b'cut')
    looked_at, others = [bad, *[good] * 8], [*[good] * 8, bad]
    for sequences in (looked_at, others):
        assert len(quick_check(sequences)) == 3
    (bad.path / 'right' / '3.jpg').write_bytes(b'')
    for sequences in (looked_at, others):
        with pytest.raises(NothingReadable, match=f'{bad.path}: none of 4 pairs .*0.jpg'):
            quick_check(sequences)


def test_samples_are_evenly_spaced_and_prefer_a_truth(drive, tmp_path):
    assert sampled(drive, 4) == [0, 2, 4, 6]
    assert sampled(drive, 100) == list(range(8))
    path = write_pairs(tmp_path / 'pairs', 8)
    PairFolderWriter(path, StereoCalibration(TINY_RIG, 0.5)).add_gt_depth('5', np.ones((32, 64)))
    assert sampled(PairFolder(path), 4) == [0, 2, 5, 6]


def test_wide_images_are_averaged_by_a_whole_number():
    assert shrunk_to(np.zeros((40, 100), np.uint8), 40).shape == (13, 33)
    assert shrunk_to(np.zeros((40, 100), np.uint8), 100).shape == (40, 100)
    np.testing.assert_array_equal(shrunk_to(np.array([[1, 3], [5, 7]], np.uint8), 1), [[4]])


def test_limits_are_exceeded_not_met():
    limits = Limits(warning=1, fault=2)
    rows = [limits.row(value, 'm', 'v', 'e', 'mend it') for value in (1, 1.5, 2, 2.5)]
    verdicts = [Verdict.OK, Verdict.WARNING, Verdict.WARNING, Verdict.FAULT]
    assert [row.verdict for row in rows] == verdicts
    assert [row.remedy for row in rows] == ['', *['mend it'] * 3]


def test_the_command_prints_one_table_and_writes_one_page(drive, tmp_path, capsys):
    page = tmp_path / 'check.html'
    assert main(['check', str(drive.path), '-o', str(page), '--pairs=4']) == 0
    said = capsys.readouterr().out
    assert 'vertical offset' in said
    assert 'fault' not in said
    html = page.read_text()
    assert html.count('src="data:image/png;base64,') == html.count('src="') == 4
    assert '<script' not in html
    assert 'http' not in html


def test_the_command_names_a_swap_and_fails(swapped_folder, tmp_path, capsys):
    page = tmp_path / 'check.html'
    assert main(['check', str(swapped_folder), '-o', str(page), '--pairs=4']) == 1
    output = capsys.readouterr()
    (remedy,) = (line for line in output.out.splitlines() if line.startswith('fault: '))
    assert 'left and right are swapped: exchange the folders' in remedy
    assert output.err.count('\n') == 1
    assert 'swapped' in output.err
    assert 'left and right are swapped' in page.read_text()


def test_a_page_without_a_single_match_beside_the_data(tmp_path):
    page = tmp_path / 'check.html'
    assert main(['check', str(_flat_folder(tmp_path / 'flat'))]) == 0
    assert '0: 0 matches' in page.read_text()


def _train(pairs, tmp_path, *options):
    values = SIZE | {'network': 'small', 'batch_size': 4, 'workers': 0, 'trainer.max_steps': 1}
    values |= {'trainer.enable_progress_bar': 'false', 'output': tmp_path / 'run'}
    given = [f'--{name}={value}' for name, value in values.items()]
    return main(['train', '--data', str(pairs), *given, *options])


def test_training_refuses_a_fault_in_one_line_unless_forced(swapped_folder, tmp_path, capsys):
    assert _train(swapped_folder, tmp_path) == 1
    error = capsys.readouterr().err
    assert error.count('\n') == 1
    assert 'swapped' in error
    assert f'python -m trainer check {swapped_folder}' in error
    assert not (tmp_path / 'run').exists()
    assert _train(swapped_folder, tmp_path, '--force=true') == 0
    assert 'in spite of faults' in capsys.readouterr().out
    # What was begun goes on, and is not looked at again.
    assert _train(swapped_folder, tmp_path) == 0
    said = capsys.readouterr().out
    assert 'going on from last.ckpt' in said
    assert 'swapped' not in said


def test_training_says_one_line_when_all_is_well(drive, tmp_path, capsys):
    assert _train(drive.path, tmp_path) == 0
    assert 'quick check of 5 pairs: no fault\n' in capsys.readouterr().out


def test_another_process_of_a_training_ends_without_a_word(swapped_folder, tmp_path, capsys):
    from lightning.pytorch.utilities import rank_zero_only

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rank_zero_only, 'rank', 1)
        with pytest.raises(SystemExit) as ended:
            _train(swapped_folder, tmp_path)
    assert ended.value.code == 1
    output = capsys.readouterr()
    assert output.out + output.err == ''


def test_many_sequences_share_the_pairs_to_look_at(tmp_path):
    folder = PairFolder(write_pairs(tmp_path / 'pairs', 22))
    quick = quick_check([folder] * 30)
    assert [len(check.evidence.pairs) for check in quick] == [3] * 4
    few, many = (list(check_sequences([folder] * n, CheckConfig(pairs=4))) for n in (3, 6))
    assert [len(check.evidence.pairs) for check in few] == [4] * 3
    assert [len(check.evidence.pairs) for check in many] == [3] * 6


@pytest.mark.parametrize(
    ('options', 'words'),
    [
        (['--pairs=0'], 'pairs is 0, expected 1 or more'),
        (['--nearest_m=5', '--farthest_m=4'], 'expected 0 < nearest_m < farthest_m'),
        (['--nearest_m=-1'], 'expected 0 < nearest_m'),
    ],
)
def test_a_configuration_that_cannot_be_is_one_line(drive, capsys, options, words):
    assert main(['check', str(drive.path), *options]) == 1
    assert words in capsys.readouterr().err


def test_a_missing_folder_is_one_line(tmp_path, capsys):
    assert main(['check', str(tmp_path / 'none')]) == 1
    assert 'trainer ingest' in capsys.readouterr().err


@pytest.mark.parametrize('name', REAL)
def test_real_pairs_pass(shared_data, name):
    check = check_sequence(PairFolder(shared_data / 'pairs' / name), CONFIG)
    assert fault_text([check]) == ''
    assert ('not measurable' in _rows(check)['right frames late'].measured) == (
        REAL[name] != 'drives'
    )
    if REAL[name] != 'singles':
        assert check.of(Verdict.WARNING) == []


@pytest.mark.slow
@pytest.mark.parametrize('fault', FAULTS)
@pytest.mark.parametrize('name', ['karlsruhe_2010_03_09_drive_0023', 'kitti_odo_seq1'])
def test_faults_of_real_pairs_are_found(shared_data, name, fault):
    spoilt, measure = FAULTS[fault]
    real = PairFolder(shared_data / 'pairs' / name)
    check = check_sequence(FaultySequence(real, **spoilt), CONFIG)
    assert _rows(check)[measure].verdict is Verdict.FAULT


@pytest.mark.slow
def test_real_recordings_pass_and_a_laser_finds_half_the_baseline(shared_data, tmp_path):
    for bag in ('kitti_0926_drive', 'kitti_odometry_00_rect'):
        assert main(['ingest', str(shared_data / 'bags' / bag), '-o', str(tmp_path / bag)]) == 0
        check = check_sequence(PairFolder(tmp_path / bag), CONFIG)
        assert check.of(Verdict.FAULT) + check.of(Verdict.WARNING) == []
    halved = tmp_path / 'kitti_0926_drive'
    values = json.loads((halved / 'calib.json').read_text())
    (halved / 'calib.json').write_text(json.dumps(values | {'baseline_m': 0.2685}))
    row = _rows(check_sequence(PairFolder(halved), CONFIG))['baseline']
    assert row.verdict is Verdict.FAULT
