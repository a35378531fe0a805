"""Which pairs train and which validate."""

from __future__ import annotations

import pytest

from test.helpers.stereo_folders import write_pairs
from test.helpers.trees import DRIVE, write_kitti_raw
from trainer.datasets.sources import open_sequences
from trainer.train.split import split_pairs

NAMES = [f'{number:010d}' for number in range(12)]


def _names(pairs):
    return [(pair.sequence, int(pair.name)) for pair in pairs]


@pytest.fixture
def kitti(tmp_path):
    """A drive of 12 pairs."""
    return write_kitti_raw(tmp_path / 'raw', names=NAMES)


def _list(path, numbers, root):
    path.write_text(''.join(f'{DRIVE} {number} l\n' for number in numbers))
    return f'{root}@{path}'


def test_by_default_the_last_tenth_validates(kitti):
    split = split_pairs(open_sequences(str(kitti)), 'last_tenth')
    assert _names(split.training) == [(0, number) for number in range(11)]
    assert _names(split.validation) == [(0, 11)]


def test_none_trains_on_every_pair(kitti):
    split = split_pairs(open_sequences(str(kitti)), 'none')
    assert _names(split.training) == [(0, number) for number in range(12)]
    assert split.validation == []


def test_a_published_split_is_trained_whole(kitti, tmp_path):
    train = _list(tmp_path / 'train.txt', range(10), kitti)
    split = split_pairs(open_sequences(train), _list(tmp_path / 'val.txt', (10, 11), kitti))
    assert _names(split.training) == [(0, number) for number in range(10)]
    assert _names(split.validation) == [(1, 10), (1, 11)]
    assert [sequence.path.name for sequence in split.sequences] == [DRIVE.split('/')[1]] * 2


def test_pairs_that_validate_are_not_trained_on_however_they_are_named(kitti, tmp_path):
    (tmp_path / 'link').symlink_to(kitti)
    validation = _list(tmp_path / 'val.txt', (3, 7), tmp_path / 'link')
    split = split_pairs(open_sequences(str(kitti)), validation)
    assert _names(split.training) == [(0, n) for n in range(12) if n not in (3, 7)]
    assert _names(split.validation) == [(1, 3), (1, 7)]


def test_another_folder_validates_whole(kitti, tmp_path):
    other = write_pairs(tmp_path / 'pairs', 3)
    split = split_pairs(open_sequences(str(kitti)), str(other))
    assert len(split.training) == 12
    assert _names(split.validation) == [(1, 0), (1, 1), (1, 2)]
    with pytest.raises(FileNotFoundError, match=r"neither 'last_tenth' nor 'none', .* off not"):
        split_pairs(open_sequences(str(kitti)), 'off')
