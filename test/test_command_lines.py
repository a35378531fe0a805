"""What people type to start a program; real processes."""

from __future__ import annotations

from pathlib import Path
import signal
import subprocess
import sys
import time

import pytest
from rclpy.utilities import remove_ros_args

from monodepth_ros.parameter_rules import rules
from monodepth_ros.parameters import CollectParams, DEPTH_NODE
from monodepth_ros.ros.command_line import check_arguments, USAGES

ROOT = Path(__file__).parents[1]
QUICK = ('monodepth_ros.replay', 'monodepth_ros.build_engine', 'monodepth_ros.parameters')
# They import what takes seconds.
SLOW = (
    'trainer',
    *(f'trainer {name}' for name in ('ingest', 'check', 'train', 'export', 'import', 'evaluate')),
    'demo', 'demo.player', 'demo.recorder',
    *(f'bench.{path.stem}' for path in sorted((ROOT / 'bench').glob('*.py'))
      if "__name__ == '__main__'" in path.read_text()),
)  # fmt: skip


def _run(program, *arguments):
    command = [sys.executable, '-m', *program.split(), *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)


@pytest.mark.parametrize(
    'program', [*QUICK, *(pytest.param(name, marks=pytest.mark.slow) for name in SLOW)]
)
def test_every_program_says_how_it_is_used(program):
    run = _run(program, '--help')
    assert (run.returncode, run.stderr) == (0, '')
    assert run.stdout.startswith('usage: ')


@pytest.mark.parametrize(
    ('module', 'kinds'), [('node', DEPTH_NODE), ('collect_pairs', (CollectParams,))]
)
def test_a_node_says_how_it_is_used_and_lists_its_parameters(module, kinds):
    run = _run(f'monodepth_ros.{module}', '--help')
    assert (run.returncode, run.stderr) == (0, '')
    assert run.stdout.startswith('usage: ')
    text = ' '.join(run.stdout.replace('#', ' ').split())
    for kind in kinds:
        for name, rule in rules(kind).items():
            assert f'{" ".join(rule.description.split())} {name}: ' in text


@pytest.mark.parametrize('program', USAGES)
def test_the_way_that_a_usage_shows_is_one_that_ros_reads(program):
    _, _, example = USAGES[program].partition(f'monodepth_ros {program} ')
    assert example.startswith('--ros-args ')
    assert remove_ros_args(example.split()) == []
    check_arguments(program, example.split(), ())


@pytest.mark.parametrize(
    ('arguments', 'words'),
    [
        (['--model', 'm.onnx'], 'unrecognized arguments: --model m.onnx'),
        (['model:=m.onnx'], 'unrecognized arguments: model:=m.onnx'),
        (['--ros-args', '-p', 'a:=1', '--', '--mode'], 'unrecognized arguments: --mode'),
        (['--ros-args', '-p', 'model'], "Couldn't parse parameter override rule: '-p model'"),
        (['--ros-args', '--parameter', 'a:=1'], '--parameter'),
        (['--ros-args', '--params-file', '/none.yaml'], '/none.yaml'),
        (['--ros-args', '--log-level', 'loud'], 'loud'),
    ],
)
def test_what_nobody_would_read_is_refused_with_the_right_form(arguments, words, capsys):
    with pytest.raises(SystemExit) as ended:
        check_arguments('depth_node', arguments, DEPTH_NODE)
    assert ended.value.code == 2
    *usage, last = capsys.readouterr().err.splitlines()
    assert '--ros-args -p model:=model.onnx' in usage[2]
    assert last.startswith('depth_node: error: ')
    assert words in last
    assert '.c:' not in last


def test_ros_arguments_may_come_in_parts_as_launch_gives_them():
    given = ['--ros-args', '--log-level', 'info', '--ros-args', '-r', '__node:=a', '-p', 'x:=1']
    check_arguments('depth_node', given, DEPTH_NODE)


@pytest.mark.parametrize('module', ['node', 'collect_pairs'])
def test_a_node_ends_before_it_starts_where_its_arguments_are_not_of_ros(module):
    run = _run(f'monodepth_ros.{module}', '--model', 'm.onnx')
    assert (run.returncode, run.stdout) == (2, '')
    assert 'error: unrecognized arguments: --model m.onnx' in run.stderr
    assert 'Traceback' not in run.stderr


def test_a_mistyped_parameter_is_named_before_what_it_leads_to(domain):
    run = _run('monodepth_ros.node', '--ros-args', '-p', 'models:=m.onnx')
    warning, error = run.stderr.splitlines()
    assert 'no parameter models, so it is ignored; did you mean model?' in warning
    assert 'no model is given; give one with `model:=FILE` to ros2 launch or `-p mod' in error
    assert ', or make one with `python -m trainer export' in error
    assert run.returncode == 1


def test_a_node_says_more_at_debug_and_ends_as_ever(domain, tmp_path, red_disparity_model):
    given = ['--ros-args', '-p', f'model:={red_disparity_model}', '--log-level', 'debug']
    command = [sys.executable, '-m', 'monodepth_ros.node', *given]
    log = tmp_path / 'log'
    with log.open('w') as file:
        node = subprocess.Popen(command, cwd=ROOT, stdout=file, stderr=subprocess.STDOUT)
    try:
        deadline = time.monotonic() + 60
        while 'listening to /image' not in log.read_text():
            assert node.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.05)
        node.send_signal(signal.SIGINT)
        assert node.wait(60) == 0
    finally:
        node.kill()
    assert '[DEBUG]' in log.read_text()
    assert 'Traceback' not in log.read_text()
