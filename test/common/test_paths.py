"""Paths as people type them: where they lead, and what is said where nothing is there."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
import re

import pytest

from monodepth_ros.common.paths import existing_file, existing_path, resolve_paths, typed_path
from monodepth_ros.inference.model_file import ModelFile
from monodepth_ros.storage.bag import Bag
from monodepth_ros.storage.camera_yaml import read_camera_yaml
from monodepth_ros.storage.frames import open_source
from trainer.datasets.sources import open_sequences
from trainer.import_model.third_party_model import load_third_party


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """An empty home folder."""
    monkeypatch.setenv('HOME', str(tmp_path))
    return tmp_path


@pytest.mark.parametrize(
    ('text', 'path'),
    [
        ('pairs/~', 'pairs/~'),
        ('/data/drive', '/data/drive'),
        ('file:///data/a%20drive', '/data/a drive'),
        (Path('file:///data/drive'), '/data/drive'),
    ],
)
def test_a_path_and_an_address_lead_to_the_same_file(text, path):
    assert typed_path(text) == Path(path)


def test_a_tilde_is_the_home_folder(home):
    assert typed_path('~/drive') == typed_path(Path('~/drive')) == home / 'drive'
    with pytest.raises(ValueError, match='~nobody-here/drive names a home folder that is not'):
        typed_path('~nobody-here/drive')


def test_a_package_is_where_ros_has_its_share_folder(tmp_path, monkeypatch):
    pytest.importorskip('ament_index_python')
    (tmp_path / 'share/ament_index/resource_index/packages').mkdir(parents=True)
    (tmp_path / 'share/ament_index/resource_index/packages/robot').touch()
    (tmp_path / 'share/robot').mkdir()
    monkeypatch.setenv('AMENT_PREFIX_PATH', str(tmp_path))
    address = 'package://robot/cal/left.yaml'
    expected = tmp_path / 'share/robot/cal/left.yaml'
    assert typed_path(address) == typed_path(Path(address)) == expected
    with pytest.raises(ValueError, match=r"^package://boat/left.yaml .* \(.*'boat'.*; source"):
        typed_path('package://boat/left.yaml')
    monkeypatch.delenv('AMENT_PREFIX_PATH')
    with pytest.raises(ValueError, match=r'package that is not found here .*; source ROS'):
        typed_path(address)


def test_what_is_not_there_or_is_a_folder_is_named_where_it_was_looked_for(home, monkeypatch):
    monkeypatch.chdir(home)
    (home / 'm').touch()
    assert existing_file('~/m', 'model', 'make one') == home / 'm'
    assert existing_path('.', 'model', 'make one') == Path()
    with pytest.raises(FileNotFoundError, match=rf'^model n not found .{home}/n.; make one$'):
        existing_file('n', 'model', 'make one')
    with pytest.raises(FileNotFoundError, match=r'^model /n not found; make one$'):
        existing_file('/n', 'model', 'make one')
    with pytest.raises(IsADirectoryError, match=f'^model ~ is a folder .{home}., expected a file'):
        existing_file('~', 'model', 'make one')
    with pytest.raises(FileNotFoundError, match=r'^no model is given; make one$'):
        existing_file('', 'model', 'make one')


def test_the_options_of_a_command_are_resolved_and_nothing_else_is(home):
    options = Namespace(
        output=Path('~/out'), bags=[Path('file:/a'), Path('b')], text='~', no=None, topics=('~',)
    )
    resolve_paths(options)
    assert vars(options) == {
        'output': home / 'out',
        'bags': [Path('/a'), Path('b')],
        'text': '~',
        'no': None,
        'topics': ('~',),
    }


def _open(path):
    with open_source(path, image=None, calibration=None, rectified=False):
        pass


@pytest.mark.parametrize(
    ('reader', 'what'),
    [
        (ModelFile, 'model'),
        (lambda path: read_camera_yaml(path, rectified=False), 'calibration'),
        (Bag, 'recording'),
        (_open, 'source'),
        (open_sequences, 'data'),
        (load_third_party, 'network'),
    ],
)
def test_every_reader_takes_what_people_type(home, reader, what):
    for text, place in (('~/none', f'{home}/none'), ('file:///none/a', '/none/a')):
        words = re.escape(f'{what} {text} not found ({place}); ')
        with pytest.raises(FileNotFoundError, match=f'^{words}(give|make)'):
            reader(text)
