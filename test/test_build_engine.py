"""The command, as a user types it, with a GPU that is pretended."""

from __future__ import annotations

import os
from pathlib import Path
import re
import signal
import subprocess
import sys

import pytest

from monodepth_ros.build_engine import main
from monodepth_ros.common.atomic import locked_folder
from monodepth_ros.inference.tensorrt.engine_cache import EngineCache, MAX_ENGINES
from test.helpers.tiny_model import write_red_disparity_model, wrong_self_test

ROOT = Path(__file__).parents[1]
DOCUMENTATION = ROOT / 'docs' / 'engines.md'
WAIT_S = 60
GPU = """
import sys
from monodepth_ros.inference.tensorrt import engine
from test.helpers.pretended_gpu import pretend_gpu
pretend_gpu()
"""
MAIN = """
from monodepth_ros.build_engine import main
sys.exit(main())
"""


@pytest.fixture
def folder(tmp_path):
    return tmp_path / 'engines'


@pytest.fixture
def build(folder):
    """Run the command with a GPU, after some Python; returns status, output and errors."""
    pytest.importorskip('tensorrt_rtx_bindings', reason='needs TensorRT-RTX, which needs no GPU')
    pytest.importorskip('cuda.bindings')

    def _build(*arguments, before=''):
        code = GPU + before + MAIN
        command = [sys.executable, '-c', code, *map(str, arguments), '--cache', str(folder)]
        result = subprocess.run(
            command, capture_output=True, text=True, check=False, cwd=ROOT, timeout=WAIT_S
        )
        return result.returncode, result.stdout, result.stderr

    return _build


def _sizes(folder):
    return {(note.key.width, note.key.height) for note in EngineCache(folder).entries()}


def test_an_engine_is_built_once_and_proven(build, folder, red_disparity_model):
    status, out, err = build(red_disparity_model)
    assert status == 0
    assert err == 'build_engine: building the engine of red.onnx: there is none yet\n'
    assert re.fullmatch(
        rf'\S+red.onnx runs at 128x64 and passes its self-test; the engine is in {folder} '
        r'\(\d+ s\)\n',
        out,
    )
    (note,) = EngineCache(folder).entries()
    assert note.key.gpu == 'Test GPU'
    assert note.key.library == 'tensorrt_rtx'
    assert note.size_bytes > 1000
    assert build(red_disparity_model)[::2] == (0, '')


def test_another_size_is_built_beside_the_models_own(build, folder, red_disparity_model):
    assert build(red_disparity_model, '--width', 160, '--height', 32)[0] == 0
    assert _sizes(folder) == {(128, 64), (160, 32)}


def test_force_builds_although_there_is_one(build, red_disparity_model):
    build(red_disparity_model)
    status, _, err = build(red_disparity_model, '--force')
    assert (status, err.count('a new one was requested')) == (0, 1)


def test_another_option_is_another_engine_and_said_so(build, red_disparity_model):
    build(red_disparity_model)
    _, _, err = build(red_disparity_model, '--optimisation-level', 5)
    assert 'there is one for another option optimisation_level: 3 -> 5' in err


def test_engines_are_listed_and_cleared(build, folder, red_disparity_model, capsys):
    build(red_disparity_model)
    assert main(['--list', '--cache', str(folder)]) == 0
    first, last = capsys.readouterr().out.splitlines()
    assert re.match(r'red.onnx 128x64, tensorrt_rtx [\d.]+, Test GPU \(8.9\), workspace_mb', first)
    assert re.search(r': \d+\.\d MB, built \d{4}-\d\d-\d\dT[\d:+]+ in \d+ s$', first)
    assert last == f'engines are in {folder}'
    assert main(['--clear', '--cache', str(folder)]) == 0
    assert capsys.readouterr().out == f'engines removed from {folder}: 1\n'
    assert list(folder.iterdir()) == []


def test_what_computes_another_function_is_refused(build, tmp_path):
    model = write_red_disparity_model(tmp_path / 'wrong.onnx', wrong_self_test())
    status, out, err = build(model)
    assert (status, out) == (1, '')
    assert re.search('build_engine: .*differ by .* from its own self-test', err)


@pytest.mark.parametrize(('number', 'status'), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_stops_the_build_and_leaves_nothing(
    build, folder, red_disparity_model, number, status
):
    """While TensorRT builds: the first time that it says how far it is."""
    before = f"""
import os
build_plan = engine.build_plan
def with_signal(*args, progress, **options):
    return build_plan(*args, progress=lambda *_: os.kill(os.getpid(), {number}), **options)
engine.build_plan = with_signal
"""
    got, out, err = build(red_disparity_model, before=before)
    assert (got, out) == (status, '')
    assert err.endswith('\nbuild_engine: stopped; the unfinished engine was removed\n')
    assert list(folder.iterdir()) == []
    assert build(red_disparity_model)[0] == 0


def test_a_second_signal_does_not_wait(build, folder, red_disparity_model):
    before = """
import os, time
def stubborn(*args, **options):
    try:
        os.kill(os.getpid(), 15)
    finally:
        os.kill(os.getpid(), 15)
engine.build_plan = stubborn
"""
    assert build(red_disparity_model, before=before)[0] == -signal.SIGTERM
    assert list(folder.iterdir()) == []


def test_a_log_has_a_line_now_and_then(build, red_disparity_model):
    before = """
from monodepth_ros.common import progress
progress.LINE_PERIOD_S = 0.0
"""
    _, _, err = build(red_disparity_model, before=before)
    lines = err.splitlines()[1:]
    assert lines
    assert all(re.fullmatch(r'\[[# ]{20}\] \d+% 0:\d\d .+', line) for line in lines)


# What is wrong is one line


@pytest.fixture
def refused(folder, capsys):
    """The one line that the command refuses with, here and without a GPU."""

    def _refused(*arguments):
        assert main([*map(str, arguments), '--cache', str(folder)]) == 1
        out, err = capsys.readouterr()
        assert out == ''
        (line,) = err.splitlines()
        return line

    return _refused


@pytest.mark.parametrize(
    ('options', 'words'),
    [
        (('--width', '100'), 'width is 100, expected a multiple of 32, e.g. 96 or 128'),
        (('--height', '0'), 'height is 0, expected a multiple of 32'),
    ],
)
def test_a_size_that_cannot_be_is_refused_before_anything_is_built(
    refused, red_disparity_model, options, words
):
    assert words in refused(red_disparity_model, *options)


def test_no_model_is_refused(refused, tmp_path):
    assert 'none.onnx not found; make one with' in refused(tmp_path / 'none.onnx')


def test_what_is_no_model_is_refused(refused, tmp_path):
    (tmp_path / 'text.onnx').write_text('no model')
    assert 'text.onnx is no ONNX model: ' in refused(tmp_path / 'text.onnx')


def test_without_a_gpu_it_says_what_is_missing(refused, red_disparity_model):
    cuda = pytest.importorskip('monodepth_ros.inference.tensorrt.cuda')
    problem = cuda.device_problem()
    if problem is None:
        pytest.skip('there is a GPU here')
    assert refused(red_disparity_model) == f'build_engine: {problem}'


def test_without_cuda_it_says_what_to_install(refused, red_disparity_model, monkeypatch):
    monkeypatch.setitem(sys.modules, 'monodepth_ros.inference.tensorrt.engine', None)
    assert refused(red_disparity_model).endswith('`python3 -m pip install cuda-bindings`')


def test_a_folder_for_everybody_is_refused(refused, folder, red_disparity_model):
    folder.mkdir()
    folder.chmod(0o777)
    assert f'`chmod go-w {folder}`' in refused(red_disparity_model)


def test_engines_are_not_cleared_while_one_is_built(refused, folder):
    folder.mkdir()
    with locked_folder(folder):
        assert f'process {os.getpid()} (' in refused('--clear')


@pytest.mark.parametrize('arguments', [[], ['model.onnx', '--list'], ['--list', '--clear']])
def test_the_usage_is_told(capsys, arguments):
    with pytest.raises(SystemExit, match='2'):
        main(arguments)
    assert 'expected MODEL, --list or --clear' in capsys.readouterr().err


def test_the_documentation_names_every_option(capsys):
    with pytest.raises(SystemExit, match='0'):
        main(['--help'])
    options = set(re.findall('--[a-z-]+', capsys.readouterr().out)) - {'--help'}
    assert set(re.findall(r'(?<=`)--[a-z-]+', DOCUMENTATION.read_text())) == options


def test_the_documentation_says_how_many_are_kept():
    assert f'the {MAX_ENGINES} used last' in DOCUMENTATION.read_text()
