"""Whole or not at all."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from monodepth_ros.common.atomic import atomic_file, atomic_folder, lock_folder, locked_folder

HOLD = """
import sys, time
from pathlib import Path
from monodepth_ros.common.atomic import locked_folder
with locked_folder(Path(sys.argv[1])):
    print('locked', flush=True)
    time.sleep(60)
"""


def test_a_folder_appears_at_the_end(tmp_path):
    with atomic_folder(tmp_path / 'new') as partial:
        (partial / 'a').write_text('1')
        assert not (tmp_path / 'new').exists()
    assert (tmp_path / 'new' / 'a').read_text() == '1'
    assert [path.name for path in tmp_path.iterdir()] == ['new']


def test_an_error_leaves_nothing(tmp_path):
    with pytest.raises(KeyError), atomic_folder(tmp_path / 'new') as partial:
        (partial / 'a').write_text('1')
        raise KeyError
    with pytest.raises(KeyError), atomic_file(tmp_path / 'file') as partial:
        partial.write_text('half')
        raise KeyError
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_predecessor_left_does_not_survive(tmp_path):
    (tmp_path / 'new.partial').mkdir()
    (tmp_path / 'new.partial' / 'old').write_text('')
    with atomic_folder(tmp_path / 'new'):
        pass
    assert list((tmp_path / 'new').iterdir()) == []


def test_an_existing_folder_is_not_touched(tmp_path):
    (tmp_path / 'mine').mkdir()
    with pytest.raises(FileExistsError, match='remove it'), atomic_folder(tmp_path / 'mine'):
        pass


def test_a_file_keeps_its_old_content_until_the_end(tmp_path):
    (tmp_path / 'file').write_text('old')
    with pytest.raises(KeyError), atomic_file(tmp_path / 'file') as partial:
        partial.write_text('half')
        raise KeyError
    assert (tmp_path / 'file').read_text() == 'old'
    with atomic_file(tmp_path / 'file') as partial:
        partial.write_text('new')
    assert (tmp_path / 'file').read_text() == 'new'


def test_a_second_writer_is_told_of_the_first_and_not_of_one_that_was_killed(tmp_path):
    others = tmp_path / 'others'
    others.mkdir()
    command = [sys.executable, '-c', HOLD, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == 'locked\n'
        # A holder of another lock is not taken for it.
        with locked_folder(others), pytest.raises(BlockingIOError) as refused:
            lock_folder(tmp_path)
        assert f'process {process.pid} ({sys.executable} -c import sys, time' in str(refused.value)
        assert str(refused.value).endswith(
            f'writes to {tmp_path}; wait for it, stop it or choose another folder'
        )
        assert '\n' not in str(refused.value)
        process.kill()
    os.close(lock_folder(tmp_path))
