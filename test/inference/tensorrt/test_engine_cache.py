"""Engines are built once, found again when nothing changed, and never loaded damaged."""

from __future__ import annotations

from dataclasses import fields, replace
import json
import os
from pathlib import Path
import resource
import signal
import subprocess
import sys
import time

from hypothesis import given
from hypothesis import strategies as st
import pytest

from monodepth_ros.inference.tensorrt import engine_cache
from monodepth_ros.inference.tensorrt.engine_cache import (
    BuildCancelled,
    default_folder,
    EngineCache,
)
from monodepth_ros.inference.tensorrt.engine_key import EngineKey, EngineNote

PLAN = bytes(range(64))
KEY = EngineKey(
    onnx_sha256='ab' * 32,
    library='tensorrt',
    library_version='10.3.0',
    gpu='Orin',
    compute_capability='8.7',
    width=256,
    height=96,
    options={'optimisation_level': 3, 'workspace_mb': None},
)
VALUES = st.none() | st.booleans() | st.integers() | st.text()
STRATEGIES = {str: st.text(), int: st.integers(), dict: st.dictionaries(st.text(), VALUES)}
KEYS = st.builds(EngineKey, options=STRATEGIES[dict])
WAIT_S = 20


class Maker:
    """Asks a cache for the plan of a key, and keeps count and what was told."""

    def __init__(self, folder, **options):
        self.cache = EngineCache(folder, **options)
        self.builds = 0
        self.told = []

    def get(self, key=KEY, **options):
        return self.cache.get(key, self._build, title='red.onnx', log=self.told.append, **options)

    def _build(self):
        self.builds += 1
        return PLAN


@pytest.fixture
def folder(tmp_path):
    return tmp_path / 'engines'


@pytest.fixture
def maker(folder):
    return Maker(folder)


def _files(folder, suffix=''):
    return sorted(folder.glob(f'*{suffix}'))


@given(KEYS, st.sampled_from([field.name for field in fields(EngineKey)]), st.data())
def test_a_key_of_any_other_value_is_another(key, name, data):
    old = getattr(key, name)
    values = STRATEGIES[type(old)].filter(lambda value: value != old)
    other = replace(key, **{name: data.draw(values)})
    assert other.digest != key.digest
    assert other.changes_from(key)
    assert key.changes_from(key) == []


def test_an_option_that_was_not_there_is_a_change():
    assert KEY.changes_from(replace(KEY, options={'optimisation_level': 3})) == [
        'option workspace_mb: absent -> None'
    ]


def test_the_order_of_options_does_not_matter():
    turned = replace(KEY, options=dict(reversed(KEY.options.items())))
    assert turned.digest == KEY.digest


def test_changes_are_named_old_to_new():
    new = replace(KEY, library_version='10.13.3', options={**KEY.options, 'optimisation_level': 5})
    assert new.changes_from(KEY) == [
        'library_version: 10.3.0 -> 10.13.3',
        'option optimisation_level: 3 -> 5',
    ]


def test_an_engine_is_built_once(folder, maker):
    assert [maker.get(), maker.get(), Maker(folder).get()] == [PLAN] * 3
    assert maker.builds == 1
    assert maker.told == ['building the engine of red.onnx: there is none yet']


def test_force_builds_again(folder, maker):
    maker.get()
    forced = Maker(folder, force=True)
    assert forced.get() == PLAN
    assert forced.told == ['building the engine of red.onnx: a new one was requested']


@pytest.mark.parametrize(
    ('changes', 'text'),
    [
        ({'library_version': '10.13.3'}, 'library_version: 10.3.0 -> 10.13.3'),
        ({'width': 512, 'gpu': 'Thor'}, 'gpu: Orin -> Thor, width: 256 -> 512'),
        ({'onnx_sha256': 'cd' * 32}, f'onnx_sha256: {"ab" * 32} -> {"cd" * 32}'),
        ({'options': {'optimisation_level': 3}}, 'option workspace_mb: 256 -> absent'),
    ],
)
def test_why_it_is_built_names_what_changed(maker, changes, text):
    """Of the most similar engine: the other has another height as well."""
    old = replace(KEY, options={'optimisation_level': 3, 'workspace_mb': 256})
    maker.get(old)
    maker.get(replace(old, height=32))
    maker.get(replace(old, **changes))
    assert maker.told[2] == f'building the engine of red.onnx: there is one for another {text}'


def test_the_note_can_be_read_by_people(folder, maker):
    maker.get()
    (file,) = _files(folder, '.json')
    note = json.loads(file.read_text())
    assert note['title'] == 'red.onnx'
    assert note['key']['library_version'] == '10.3.0'
    assert note['size_bytes'] == 64
    assert note['built'].startswith(time.strftime('%Y-', time.gmtime()))
    assert maker.cache.entries() == [EngineNote.from_json(file.read_bytes())]


def _damaged(data, at):
    """The lowest bit of a byte turned."""
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


def test_a_changed_plan_is_built_anew(folder, maker):
    maker.get()
    (file,) = _files(folder, '.engine')
    for at in (0, 31, 63):
        file.write_bytes(_damaged(PLAN, at))
        assert maker.get() == PLAN
    assert maker.builds == 4
    assert maker.told[3] == (
        f'building the engine of red.onnx: {file.name} is not used: its bytes are not those that '
        'were built'
    )


def test_no_byte_of_a_plan_may_differ(folder, maker):
    maker.get()
    (note,) = maker.cache.entries()
    note.check(KEY, PLAN)
    for at in range(len(PLAN)):
        with pytest.raises(ValueError, match='not those'):
            note.check(KEY, _damaged(PLAN, at))


@pytest.mark.parametrize('size', [0, 1, 63, 65])
def test_a_plan_of_another_size_is_built_anew(folder, maker, size):
    maker.get()
    (file,) = _files(folder, '.engine')
    file.write_bytes((PLAN * 2)[:size])
    assert maker.get() == PLAN
    assert maker.told[1].endswith(f'it has {size} bytes, expected 64')
    assert maker.get() == PLAN
    assert maker.builds == 2


def test_a_damaged_note_never_speaks_for_another_plan(folder, maker):
    """Every byte of it cut off or another."""
    maker.get()
    (file,) = _files(folder, '.json')
    note = file.read_bytes()
    for at in range(len(note)):
        for text in (note[:at], _damaged(note, at)):
            with pytest.raises(ValueError, match=r'not those|damaged|expected|another'):
                EngineNote.from_json(text).check(KEY, _damaged(PLAN, 0))


@pytest.mark.parametrize(
    'note', [b'', b'[]', b'{}', b'null', b'{"key": 3}', b'\xff', b'{"key": {}}']
)
def test_what_is_no_note_is_said_to_be_damaged(folder, maker, note):
    maker.get()
    (file,) = _files(folder, '.json')
    file.write_bytes(note)
    assert maker.cache.entries() == []
    assert maker.get() == PLAN
    assert 'its note is damaged (' in maker.told[1]


@pytest.mark.parametrize('suffix', ['.engine', '.json'])
def test_half_an_engine_is_built_anew(folder, maker, suffix):
    maker.get()
    (file,) = _files(folder, suffix)
    file.unlink()
    assert maker.get() == PLAN
    assert maker.told[1].endswith(f"No such file or directory: '{file}'")
    assert maker.builds == 2


def test_a_note_of_another_key_is_not_believed(folder, maker):
    maker.get()
    (file,) = _files(folder, '.json')
    file.write_text(file.read_text().replace('10.3.0', '10.2.0'))
    assert maker.get() == PLAN
    assert maker.told[1].endswith('it is for another library_version: 10.2.0 -> 10.3.0')


def test_a_failed_build_leaves_the_cache_as_it_was(folder, maker):
    def fail():
        raise KeyError

    forced = EngineCache(folder, force=True)
    for kept in (0, 2):
        with pytest.raises(KeyError):
            forced.get(KEY, fail, title='red.onnx', log=lambda _: None)
        assert len(_files(folder)) == kept
        maker.get()
    assert maker.builds == 1


# What others may do


def test_the_folder_is_made_for_nobody_else(tmp_path):
    folder = tmp_path / 'a' / 'engines'
    old = os.umask(0)
    try:
        Maker(folder).get()
    finally:
        os.umask(old)
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {file.stat().st_mode & 0o777 for file in folder.iterdir()} == {0o600}


@pytest.mark.parametrize('mode', [0o777, 0o1777, 0o770, 0o702])
def test_a_folder_that_others_can_write_to_is_refused(tmp_path, mode):
    folder = tmp_path / 'for all'
    folder.mkdir()
    folder.chmod(mode)
    with pytest.raises(ValueError, match=f"mode {mode:o}.*; `chmod go-w '{folder}'`, or choose"):
        EngineCache(folder)


def test_a_folder_that_others_can_read_is_accepted(folder):
    folder.mkdir()
    folder.chmod(0o755)
    assert Maker(folder).get() == PLAN


def test_a_folder_of_somebody_else_is_refused(folder, monkeypatch):
    folder.mkdir()
    monkeypatch.setattr(os, 'geteuid', lambda: folder.stat().st_uid + 1)
    with pytest.raises(ValueError, match=r'engines belongs to user \d+, expected \d+.*choose'):
        EngineCache(folder)


@pytest.mark.parametrize('suffix', ['.engine', '.json'])
def test_a_file_that_others_can_write_to_is_built_anew(folder, maker, suffix):
    maker.get()
    (file,) = _files(folder, suffix)
    file.chmod(0o666)
    assert maker.get() == PLAN
    assert f'{file} is writable by others (mode 666)' in maker.told[1]
    assert maker.get() == PLAN
    assert maker.builds == 2


def test_a_file_in_the_place_of_the_folder_is_refused(folder):
    folder.write_text('')
    with pytest.raises(OSError, match=r'folder for engines .*File exists.*choose another'):
        EngineCache(folder)


def test_engines_are_kept_in_the_cache_folder_of_the_user(tmp_path, monkeypatch):
    monkeypatch.setenv('HOME', str(tmp_path))
    monkeypatch.setenv('XDG_CACHE_HOME', '/elsewhere')
    assert default_folder() == Path('/elsewhere/monodepth_ros/engines')
    for not_absolute in ('caches', ''):
        monkeypatch.setenv('XDG_CACHE_HOME', not_absolute)
        assert default_folder() == tmp_path / '.cache/monodepth_ros/engines'
    monkeypatch.delenv('XDG_CACHE_HOME')
    assert default_folder() == tmp_path / '.cache/monodepth_ros/engines'


# How many are kept


def test_the_engine_used_longest_ago_goes(folder, maker, monkeypatch):
    monkeypatch.setattr(engine_cache, 'MAX_ENGINES', 3)
    keys = [replace(KEY, width=width) for width in (32, 64, 96, 128)]
    for age, key in enumerate(keys[:3]):
        maker.get(key)
        os.utime(folder / f'{key.digest}.engine', (1e9 + age, 1e9 + age))
    maker.get(keys[0])
    maker.get(keys[3])
    assert {note.key.width for note in maker.cache.entries()} == {32, 96, 128}
    assert len(_files(folder)) == 6


def test_a_new_engine_stays_although_the_clock_is_wrong(folder, maker, monkeypatch):
    monkeypatch.setattr(engine_cache, 'MAX_ENGINES', 1)
    maker.get()
    future_s = time.time() + 1e6
    os.utime(folder / f'{KEY.digest}.engine', (future_s, future_s))
    new = replace(KEY, width=32)
    maker.get(new)
    assert [note.key for note in maker.cache.entries()] == [new]


def test_clear_removes_engines_and_nothing_else(folder, maker):
    for name in ('notes.json', 'mine.engine', f'{"0" * 16}.txt'):
        (folder / name).write_text('')
    maker.get()
    maker.get(replace(KEY, width=32))
    maker.cache.timing_file.write_bytes(b'')
    assert maker.cache.clear() == 2
    assert len(_files(folder)) == 3


# Processes

CHILD = f"""
import sys, time
from pathlib import Path
from monodepth_ros.inference.tensorrt.engine_cache import EngineCache
from monodepth_ros.inference.tensorrt.engine_key import EngineKey

folder = Path(sys.argv[1])
key = EngineKey(**{KEY.__dict__!r})

def log(text):
    print(text, flush=True)

def build():
    return bytes(range(64))
"""
GET = """
cache = EngineCache(folder, force='force' in sys.argv)
plan = cache.get(key, build, title='red.onnx', log=log)
assert plan == bytes(range(64))
"""
SLOW = """
def build():
    print('begun', flush=True)
    while not (folder.parent / 'go').exists():
        time.sleep(0.02)
    return bytes(range(64))
"""


@pytest.fixture
def start(folder):
    """Start a process that gets the plan, after some Python; kill it in the end."""
    started = []

    def _start(before='', *arguments, **options):
        command = [sys.executable, '-c', CHILD + before + GET, str(folder), *arguments]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, **options)
        started.append(process)
        return process

    yield _start
    for process in started:
        process.kill()
        process.wait()
        process.stdout.close()


def _await_line(process, words):
    for line in process.stdout:
        if words in line:
            return line
    pytest.fail(f'the process ended without {words!r}')


def test_of_two_processes_one_builds_and_the_other_waits(folder, start):
    first = start(SLOW)
    _await_line(first, 'begun')
    second = start(SLOW)
    assert str(folder) in _await_line(second, 'waiting for another process that builds an engine')
    (folder.parent / 'go').touch()
    rest = [process.communicate(timeout=WAIT_S)[0] for process in (first, second)]
    assert [first.returncode, second.returncode] == [0, 0]
    assert rest == ['', '']  # the second has not begun


def test_a_wait_is_told_of_again_and_can_be_cancelled(folder, maker, start, monkeypatch):
    monkeypatch.setattr(engine_cache, 'WAITING_LINE_PERIOD_S', 0.0)
    _await_line(start(SLOW), 'begun')
    with pytest.raises(BuildCancelled):
        maker.get(cancelled=lambda: len(maker.told) == 3)
    assert all(text.startswith('waiting for another process') for text in maker.told)
    assert maker.builds == 0


def test_the_cache_is_not_cleared_while_an_engine_is_built(maker, start):
    process = start(SLOW)
    _await_line(process, 'begun')
    words = rf'process {process.pid} \(.* writes to .*; wait for it'
    with pytest.raises(BlockingIOError, match=words):
        maker.cache.clear()


def test_a_killed_builder_blocks_nobody(maker, start):
    process = start(SLOW)
    _await_line(process, 'begun')
    process.kill()
    assert process.wait() == -signal.SIGKILL
    assert maker.get() == PLAN
    assert maker.told == ['building the engine of red.onnx: there is none yet']


def _hang_before(step):
    return f"""
import os
done = []
def hang_before(function):
    def run(*args):
        if len(done) == {step}:
            print('hangs', flush=True)
            time.sleep(60)
        done.append(function)
        return function(*args)
    return run
os.fsync = hang_before(os.fsync)
Path.replace = hang_before(Path.replace)
"""


@pytest.mark.parametrize('force', [[], ['force']])
@pytest.mark.parametrize('step', range(4))
def test_whenever_it_is_killed_nothing_is_corrupt(folder, start, step, force):
    """Killed before one of four steps: two files are written through, then get their names."""
    if force:
        assert Maker(folder).get() == PLAN
    process = start(_hang_before(step), *force)
    _await_line(process, 'hangs')
    assert _files(folder, '.partial')
    process.kill()
    process.wait()
    maker = Maker(folder)
    assert _files(folder, '.partial') == []
    assert maker.get() == PLAN
    assert len(_files(folder)) == 2


def test_a_cache_in_use_keeps_its_partial_files(folder, start):
    process = start(_hang_before(0))
    _await_line(process, 'hangs')
    EngineCache(folder)
    assert len(_files(folder, '.partial')) == 1


def test_on_a_full_disk_the_engine_is_used_all_the_same(folder, maker, start):
    """A limit of file size stands in for it: the write fails half-way all the same."""
    maker.get()
    before = {file: file.read_bytes() for file in _files(folder)}
    limit = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (32, 32))  # noqa: E731
    process = start('', 'force', preexec_fn=limit)
    out, _ = process.communicate(timeout=WAIT_S)
    assert process.returncode == 0
    assert out.splitlines()[1] == (
        f'warning: the engine is used but cannot be stored in {folder} (File too large), so the '
        'next start builds it again; free space there'
    )
    assert {file: file.read_bytes() for file in _files(folder)} == before
