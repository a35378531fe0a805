"""Which files of a folder are its images, and in which order."""

from __future__ import annotations

import os
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from monodepth_ros.storage.image_folder import find_images, find_in_folders, natural_order

NOBODY = 65534


@pytest.fixture
def ordinary_folder():
    """A folder of a user who is not root: root may read everything."""
    with TemporaryDirectory() as name:
        user = os.geteuid()
        if user == 0:
            Path(name).chmod(0o777)
            os.seteuid(NOBODY)
        yield Path(name)
        os.seteuid(user)


def test_numbers_are_sorted_as_numbers_wherever_they_are():
    names = ['img10_left', 'img9_right', 'img9_left', 'img']
    assert sorted(names, key=natural_order) == ['img', 'img9_left', 'img9_right', 'img10_left']
    drives = [Path('a-b/1'), Path('a/10'), Path('a/2')]
    assert sorted(drives, key=natural_order) == [Path('a/2'), Path('a/10'), Path('a-b/1')]
    # The same number: still one order, whatever order they come in.
    assert sorted(['1', '01'], key=natural_order) == sorted(['01', '1'], key=natural_order)


def test_digits_of_other_scripts_are_text():
    # int() would read them as numbers, but a name is cut at 0 to 9 alone.
    arabic = '\u0661\u0662'
    assert sorted([arabic, 'a1', '7'], key=natural_order) == ['7', 'a1', arabic]


def test_numbers_with_leading_zeros_keep_their_order():
    names = [f'aachen_{i // 7:06d}_{i % 7:06d}' for i in reversed(range(200))]
    assert sorted(names, key=natural_order) == sorted(names)


def test_images_are_in_order_whatever_their_kind(tmp_path):
    for name in ('10_l.png', '9_l.JPG', '100_l.png', '9_r.png', '1_l.txt'):
        (tmp_path / name).touch()
    assert list(find_images(tmp_path, '_l').files) == ['9', '10', '100']


def test_what_only_looks_like_an_image_is_said_once(tmp_path, capsys):
    (tmp_path / '0.png').touch()
    (tmp_path / '._0.png').touch()
    (tmp_path / '._1.png').touch()
    (tmp_path / '2.png').symlink_to('gone')
    (tmp_path / '3.png').symlink_to('0.png')
    (tmp_path / '4.png').mkdir()
    os.mkfifo(tmp_path / '5.png')
    for _ in range(2):
        images = find_images(tmp_path)
        assert list(images.files) == ['0', '3']
        assert images.passed_over == {'._0', '._1', '2', '4', '5'}
    assert capsys.readouterr().err == (
        f'{tmp_path}: passed over 2 x attributes of macOS (e.g. ._0.png), 1 x dangling link '
        '(e.g. 2.png), 2 x folder or device (e.g. 4.png)\n'
    )


def test_an_image_without_permission_is_passed_over(ordinary_folder, capsys):
    for name in ('0.png', '1.png'):
        (ordinary_folder / name).touch()
    (ordinary_folder / '1.png').chmod(0)
    assert list(find_images(ordinary_folder).files) == ['0']
    assert 'passed over 1 x without permission to read it (e.g. 1.png)' in capsys.readouterr().err


def test_folders_come_in_natural_order_and_those_without_permission_are_said(
    ordinary_folder, capsys
):
    for name in ('drive_10', 'drive_9', 'drive_1'):
        (ordinary_folder / 'day' / name / 'left').mkdir(parents=True)
    (ordinary_folder / 'day' / 'drive_1').chmod(0)
    found = find_in_folders(ordinary_folder, '*/*/left')
    assert [path.parent.name for path in found] == ['drive_9', 'drive_10']
    said = capsys.readouterr().err
    assert said == f'{ordinary_folder}/day/drive_1: passed over, without permission to read it\n'
    (ordinary_folder / 'day' / 'drive_1').chmod(0o700)


def test_two_images_of_one_name_are_refused_unless_one_is_passed_over(tmp_path):
    (tmp_path / '0.png').touch()
    (tmp_path / '0.jpg').symlink_to('gone')
    images = find_images(tmp_path)
    assert images.files == {'0': tmp_path / '0.png'}
    assert images.passed_over == set()
    (tmp_path / 'gone').touch()
    with pytest.raises(ValueError, match=r'0.jpg and 0.png, expected one image of a name'):
        find_images(tmp_path)
