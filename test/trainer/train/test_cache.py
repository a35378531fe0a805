"""The file of mapped pairs."""

from __future__ import annotations

from multiprocessing import get_context

import numpy as np
import pytest

from monodepth_ros.storage.pair_folder import PairFolder, VIEWS, write_uint16
from test.helpers.stereo_folders import RIG, write_pairs
from trainer.datasets.hints import Hints
from trainer.train import cache
from trainer.train.cache import CachedViews
from trainer.train.pairs import CanonicalViews


@pytest.fixture
def views(tmp_path):
    return CanonicalViews(PairFolder(write_pairs(tmp_path / 'pairs')), RIG)


def _build(pairs, folder):
    cached = CachedViews(CanonicalViews(PairFolder(pairs), RIG), folder)
    return cached.path.stat().st_ino


def test_it_holds_what_reading_gives(views, tmp_path):
    cached = CachedViews(views, tmp_path / 'cache')
    for name in views.sequence.names:
        np.testing.assert_array_equal(cached.read(name), views.read(name))


def test_hints_are_kept_in_a_file_of_their_own(views, tmp_path):
    pairs = views.sequence
    taught = CanonicalViews(pairs, RIG, Hints(pairs, 'sgbm', pairs.names))
    cached = CachedViews(taught, tmp_path / 'cache')
    for name in pairs.names:
        np.testing.assert_array_equal(cached.read_hints(name), taught.read_hints(name))
        np.testing.assert_array_equal(cached.read(name), views.read(name))
    assert len(list((tmp_path / 'cache').glob('*.npy'))) == 2
    # The images' file is that of a training without hints.
    without = CachedViews(views, tmp_path / 'cache')
    assert without.read_hints('0') is None
    assert without.path == cached.path


def test_pairs_without_hints_are_no_error(views, tmp_path, capsys):
    """Of those that do not train, another program may have written none."""
    pairs = views.sequence
    Hints(pairs, 'sgbm', pairs.names[:2])
    (pairs.path / 'hints_sgbm').rename(pairs.path / 'hints_theirs')
    taught = CanonicalViews(pairs, RIG, Hints(pairs, 'theirs', pairs.names[:2]))
    cached = CachedViews(taught, tmp_path / 'cache')
    assert cached.read_hints(pairs.names[1]).any()
    assert not cached.read_hints(pairs.names[2]).any()
    assert capsys.readouterr().err == ''


def test_hints_that_changed_are_cached_again(views, tmp_path):
    pairs = views.sequence

    def build():
        taught = CanonicalViews(pairs, RIG, Hints(pairs, 'sgbm', pairs.names))
        return CachedViews(taught, tmp_path / 'cache').read_hints('0')

    assert build().any()
    for view in VIEWS:
        write_uint16(pairs.path / 'hints_sgbm' / view / '0.png', np.zeros((32, 64), np.uint16))
    assert not build().any()


def test_it_is_written_again_when_a_file_is_with_the_same_size(views, tmp_path):
    pairs, folder = views.sequence.path, tmp_path / 'cache'
    first = _build(pairs, folder)
    path = pairs / 'left' / '0.jpg'
    path.write_bytes(path.read_bytes())
    assert _build(pairs, folder) != first


def test_it_is_written_once_and_again_when_frames_change(views, tmp_path):
    pairs, folder = views.sequence.path, tmp_path / 'cache'
    first = _build(pairs, folder)
    assert _build(pairs, folder) == first
    (pairs / 'left' / '0.jpg').unlink()
    (pairs / 'right' / '0.jpg').unlink()
    assert _build(pairs, folder) != first
    assert len(list(folder.glob('*.npy'))) == 2


def _build_together(pairs, folder, barrier):
    barrier.wait(60)
    return _build(pairs, folder)


def test_processes_that_start_together_share_one_file(views, tmp_path):
    context = get_context('spawn')
    with context.Manager() as manager, context.Pool(2) as pool:
        asked = [(views.sequence.path, tmp_path / 'cache', manager.Barrier(2))] * 2
        assert len(set(pool.starmap(_build_together, asked, chunksize=1))) == 1
    assert not list((tmp_path / 'cache').glob('*.partial'))


def test_an_unusable_pair_is_black_and_named(views, tmp_path, capsys):
    (views.sequence.path / 'left' / '2.jpg').write_bytes(b'cut')
    cached = CachedViews(views, tmp_path / 'cache')
    assert cached.read('2').max() == 0
    assert cached.read('1').max() > 0
    assert '2.jpg' in capsys.readouterr().err


def test_a_full_disk_is_said_before_anything_is_mapped(views, tmp_path, monkeypatch):
    def no_room(*_):
        raise OSError(28, 'No space left on device')

    monkeypatch.setattr(cache.os, 'posix_fallocate', no_room)
    with pytest.raises(OSError, match=r'no room for a cache of 0.0 GB .No space left'):
        CachedViews(views, tmp_path / 'cache')
    assert not list((tmp_path / 'cache').glob('*.npy*'))
