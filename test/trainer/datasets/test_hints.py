"""Folders of hints, and what is refused before a training."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from monodepth_ros.storage.pair_folder import PairFolder, write_uint16
from test.helpers.stereo_folders import RIG, SHIFT_PX, write_pairs
from trainer.datasets.disparity_files import UNITS_PER_PX, write_disparity_px
from trainer.datasets.hints import check_hints, Hints

SIZE = (RIG.height, RIG.width)


@pytest.fixture
def pairs(tmp_path):
    return PairFolder(write_pairs(tmp_path / 'pairs', 6))


def _write(pairs, disparity_px, views=('left', 'right')):
    """Hints of another program, everywhere the same."""
    for view in views:
        folder = pairs.path / 'hints_theirs' / view
        folder.mkdir(parents=True, exist_ok=True)
        for name in pairs.names:
            write_disparity_px(folder / f'{name}.png', np.full(SIZE, disparity_px, np.float32))


def test_units_and_unknown_pixels(pairs):
    _write(pairs, SHIFT_PX)
    units = np.zeros(SIZE, np.uint16)
    units[3, 5] = 1
    write_uint16(pairs.path / 'hints_theirs' / 'right' / '0.png', units)
    left, right = Hints(pairs, 'theirs', pairs.names).read('0')
    assert (left == SHIFT_PX).all()
    assert right[3, 5] == 1 / 256
    assert np.isnan(right).sum() == right.size - 1


def test_our_own_are_made_at_the_first_use(pairs):
    hints = Hints(pairs, 'sgbm', pairs.names)
    assert check_hints(hints) > 0.3
    assert np.nanmedian(hints.read('0')) == pytest.approx(SHIFT_PX, abs=0.2)


def test_a_pair_of_ours_that_cannot_be_read_is_passed_over(pairs):
    (pairs.path / 'left' / '1.jpg').write_bytes(b'cut')
    assert Hints(pairs, 'sgbm', pairs.names).names == ['0', '2', '3', '4', '5']
    assert check_hints(Hints(pairs, 'sgbm', pairs.names)) > 0.3


def test_those_of_another_program_pass_and_their_share_is_told(pairs):
    _write(pairs, SHIFT_PX)
    units = np.zeros(SIZE, np.uint16)
    units[:16] = SHIFT_PX * UNITS_PER_PX
    for name in pairs.names:
        write_uint16(pairs.path / 'hints_theirs' / 'left' / f'{name}.png', units)
    assert check_hints(Hints(pairs, 'theirs', pairs.names)) == 0.5


def test_left_views_alone_may_be_taught(pairs):
    _write(pairs, SHIFT_PX, ['left'])
    hints = Hints(pairs, 'theirs', pairs.names)
    assert check_hints(hints) == 1
    assert np.isnan(hints.read('0')[1]).all()


def test_no_folder_is_an_error_that_says_what_to_do(pairs):
    with pytest.raises(FileNotFoundError, match=r'hints_raft has no left/, .*--hints sgbm'):
        Hints(pairs, 'raft', pairs.names)


def test_gaps_are_counted_and_the_first_one_named(pairs):
    _write(pairs, SHIFT_PX)
    for name in ('2', '4'):
        (pairs.path / 'hints_theirs' / 'right' / f'{name}.png').unlink()
    with pytest.raises(ValueError, match=r'lacks 2 of 12 files, the first is .*right/2\.png'):
        check_hints(Hints(pairs, 'theirs', pairs.names))
    # Pairs that do not train need none.
    assert check_hints(Hints(pairs, 'theirs', ['0', '1', '3'])) == 1


def test_another_size_is_an_error(pairs):
    _write(pairs, SHIFT_PX)
    small = np.full((16, 32), SHIFT_PX * UNITS_PER_PX, np.uint16)
    write_uint16(pairs.path / 'hints_theirs' / 'left' / '3.png', small)
    with pytest.raises(ValueError, match=r'left/3\.png is uint16 of shape \(16, 32\), expected'):
        check_hints(Hints(pairs, 'theirs', pairs.names))


@pytest.mark.parametrize('damage', ['cut', '8 bits'])
def test_unreadable_hints_are_named(pairs, damage):
    _write(pairs, SHIFT_PX)
    path = pairs.path / 'hints_theirs' / 'left' / '4.png'
    if damage == 'cut':
        path.write_bytes(path.read_bytes()[:40])
    else:
        cv2.imwrite(str(path), np.zeros(SIZE, np.uint8))
    with pytest.raises(ValueError, match=r'left/4\.png is .*, expected uint16'):
        check_hints(Hints(pairs, 'theirs', pairs.names))


def test_a_damaged_file_of_ours_is_made_again_after_its_removal(pairs):
    hints = Hints(pairs, 'sgbm', pairs.names)
    (hints.folder / 'left' / '2.png').write_bytes(b'cut')
    with pytest.raises(ValueError, match=r'left/2\.png .*; remove .*hints_sgbm, and it is made'):
        check_hints(hints)


def test_each_view_is_compared(pairs):
    _write(pairs, SHIFT_PX)
    _write(pairs, 3 * SHIFT_PX, ['right'])
    with pytest.raises(ValueError, match=r'hints_theirs/right differs .* of another rig, view'):
        check_hints(Hints(pairs, 'theirs', pairs.names))


def test_a_pair_that_cannot_be_read_is_not_compared(pairs):
    _write(pairs, SHIFT_PX)
    (pairs.path / 'left' / '0.jpg').write_bytes(b'cut')
    assert check_hints(Hints(pairs, 'theirs', pairs.names)) == 1


def test_hints_that_know_nothing_are_refused(pairs):
    _write(pairs, 0)
    with pytest.raises(ValueError, match='knows no disparity of 6 pairs'):
        check_hints(Hints(pairs, 'theirs', pairs.names))


@pytest.mark.parametrize('wrong_px', [2.5 * SHIFT_PX, SHIFT_PX / 256, 3 * SHIFT_PX])
def test_hints_of_another_rig_or_unit_contradict_the_images(pairs, wrong_px):
    _write(pairs, wrong_px)
    with pytest.raises(ValueError, match=r'differs from semi-global matching .* another unit'):
        check_hints(Hints(pairs, 'theirs', pairs.names))


def test_fair_hints_pass(pairs):
    _write(pairs, SHIFT_PX + 2)  # KITTI's outliers begin at 3 px
    assert check_hints(Hints(pairs, 'theirs', pairs.names)) == 1
