"""The stereo hints that we make."""

from __future__ import annotations

from multiprocessing import get_context
import shutil

import numpy as np
import pytest

from monodepth_ros.storage.pair_folder import PairFolder, VIEWS
from test.helpers.stereo_folders import RIG, SHIFT_PX, write_pairs
from trainer.datasets import hint_matching
from trainer.datasets.disparity_files import read_disparity_px, write_disparity_px
from trainer.datasets.hint_matching import JOURNAL, make_hints, matched_hints_px


def _make(pairs, folder):
    return make_hints(pairs, folder, pairs.names)


@pytest.fixture
def wide():
    return np.random.default_rng(0).integers(0, 256, (60, 260), np.uint8)


def test_both_views_have_the_shift_of_a_texture(wide):
    left, right = wide[:, :250], wide[:, 10:]
    hints_px = matched_hints_px(left, right)
    assert hints_px.shape == (2, 60, 250)
    known = np.isfinite(hints_px)
    assert np.abs(hints_px[known] - 10).max() < 0.5
    # What only one view sees has none: 10 columns on its outer side.
    assert not known[0, :, :10].any()
    assert not known[1, :, -10:].any()
    assert known[0, :, 10:].mean() > 0.9
    assert known[1, :, :-10].mean() > 0.9


def test_of_two_matchings_the_better_looking_one_is_taken(wide):
    left, right = wide[:, :250], wide[:, 10:]
    true, wrong = (np.full(left.shape, px, np.float32) for px in (10, 4))
    true[:30] = np.nan  # there only the wrong one is known
    best = hint_matching._best(left, right, [wrong, true])
    assert (best[:30] == 4).all()
    # Within the window's reach of the edge, errors are means over fewer pixels.
    assert (best[30:, 12:] == 10).all()


def test_hints_are_written_once_and_for_new_and_changed_pairs_again(tmp_path):
    pairs, folder = write_pairs(tmp_path / 'pairs', 2), tmp_path / 'pairs' / 'hints_sgbm'
    _make(PairFolder(pairs), folder)
    files = sorted(folder.glob('*/*.png'))
    assert [str(path.relative_to(folder)) for path in files] == [
        'left/0.png', 'left/1.png', 'right/0.png', 'right/1.png',
    ]  # fmt: skip
    assert np.nanmedian(read_disparity_px(files[0], RIG)) == pytest.approx(SHIFT_PX, abs=0.2)

    before = {path: path.stat().st_mtime_ns for path in files}
    for view in VIEWS:
        shutil.copy(pairs / view / '0.jpg', pairs / view / '2.jpg')
    shutil.copy(pairs / 'left' / '0.jpg', pairs / 'left' / '1.jpg')
    _make(PairFolder(pairs), folder)
    after = {path: path.stat().st_mtime_ns for path in sorted(folder.glob('*/*.png'))}
    changed = {path.stem for path, at in after.items() if before.get(path) != at}
    assert changed == {'1', '2'}


def test_a_kill_leaves_nothing_half_made(tmp_path, monkeypatch):
    pairs = PairFolder(write_pairs(tmp_path / 'pairs', 3))
    folder = pairs.path / 'hints_sgbm'

    def killed(sequence, folder, name):
        if name == '1':
            raise KeyboardInterrupt
        return make(sequence, folder, name)

    make = hint_matching._make
    monkeypatch.setattr(hint_matching, '_make', killed)
    with pytest.raises(KeyboardInterrupt):
        _make(pairs, folder)
    assert [line.split()[0] for line in (folder / JOURNAL).read_text().splitlines()[1:]] == ['0']
    monkeypatch.setattr(hint_matching, '_make', make)
    _make(pairs, folder)
    assert len((folder / JOURNAL).read_text().splitlines()) == 4


def _spoil(path):
    """Hints that nobody would make."""
    write_disparity_px(path, np.full((RIG.height, RIG.width), 1, np.float32))


def test_hints_of_another_version_are_made_again(tmp_path, monkeypatch):
    pairs = PairFolder(write_pairs(tmp_path / 'pairs', 1))
    folder = pairs.path / 'hints_sgbm'
    path = folder / 'left' / '0.png'
    _make(pairs, folder)
    _spoil(path)
    _make(pairs, folder)
    assert (read_disparity_px(path, RIG) == 1).all()
    monkeypatch.setattr(hint_matching, 'VERSION', 'StereoSGBM 2')
    _make(pairs, folder)
    assert np.nanmedian(read_disparity_px(path, RIG)) > 1


@pytest.mark.parametrize('lost', ['left', 'right/0.png', 'made.txt is empty'])
def test_what_was_lost_is_made_again(tmp_path, lost):
    pairs = PairFolder(write_pairs(tmp_path / 'pairs', 2))
    folder = pairs.path / 'hints_sgbm'
    _make(pairs, folder)
    if lost == 'left':
        shutil.rmtree(folder / lost)
    elif lost == 'right/0.png':
        (folder / lost).unlink()
    else:
        (folder / JOURNAL).write_bytes(b'')
    assert _make(pairs, folder) == ['0', '1']
    assert len(list(folder.glob('*/*.png'))) == 4


def test_images_of_the_same_size_that_changed_are_matched_again(tmp_path):
    pairs = PairFolder(write_pairs(tmp_path / 'pairs', 1))
    folder = pairs.path / 'hints_sgbm'
    _make(pairs, folder)
    _spoil(folder / 'left' / '0.png')
    image = pairs.path / 'left' / '0.jpg'
    image.write_bytes(image.read_bytes())
    _make(pairs, folder)
    assert np.nanmedian(read_disparity_px(folder / 'left' / '0.png', RIG)) > 1


def _make_together(pairs, barrier):
    barrier.wait(60)
    folder = PairFolder(pairs)
    return make_hints(folder, pairs / 'hints_sgbm', folder.names)


def test_processes_that_start_together_make_them_once(tmp_path):
    pairs = write_pairs(tmp_path / 'pairs', 3)
    context = get_context('spawn')
    with context.Manager() as manager, context.Pool(2) as pool:
        asked = [(pairs, manager.Barrier(2))] * 2
        assert pool.starmap(_make_together, asked, chunksize=1) == [['0', '1', '2']] * 2
    assert len((pairs / 'hints_sgbm' / JOURNAL).read_text().splitlines()) == 1 + 3


def test_an_unreadable_pair_has_no_hint(tmp_path):
    pairs = write_pairs(tmp_path / 'pairs', 2)
    (pairs / 'left' / '1.jpg').write_bytes(b'cut')
    _make(PairFolder(pairs), pairs / 'hints_sgbm')
    assert [path.name for path in (pairs / 'hints_sgbm' / 'left').iterdir()] == ['0.png']


def test_someone_elses_folder_is_not_touched(tmp_path):
    pairs = write_pairs(tmp_path / 'pairs', 1)
    theirs = pairs / 'hints_sgbm' / 'left' / '0.png'
    theirs.parent.mkdir(parents=True)
    theirs.write_bytes(b'theirs')
    with pytest.raises(ValueError, match='holds hints that are not ours; rename it'):
        _make(PairFolder(pairs), pairs / 'hints_sgbm')
    assert theirs.read_bytes() == b'theirs'


def test_a_folder_that_cannot_be_written_is_named_with_the_remedy(tmp_path):
    pairs = PairFolder(write_pairs(tmp_path / 'pairs', 1))
    occupied = tmp_path / 'occupied'
    occupied.write_text('a file')
    with pytest.raises(OSError, match='hints are kept beside the images: train on a copy'):
        _make(pairs, occupied / 'hints_sgbm')


@pytest.mark.parametrize(('width', 'searched_px'), [(1242, 208), (640, 112), (64, 16)])
def test_the_search_reaches_a_sixth_of_the_width(width, searched_px, monkeypatch):
    searched = []

    def spy(left, right, matcher, *, max_disparity_px):
        searched.append(max_disparity_px)
        return (np.full(left.shape, np.nan, np.float32),) * 2

    monkeypatch.setattr(hint_matching, 'checked_views_px', spy)
    assert np.isnan(matched_hints_px(*np.zeros((2, 16, width), np.uint8))).all()
    assert searched == [searched_px] * 2
