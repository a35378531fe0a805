"""Trainings that are stopped, spoilt or spread over processes."""

from __future__ import annotations

from dataclasses import replace
import os
from pathlib import Path
import resource
import signal
import subprocess
import sys
import time

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
import torch

from monodepth_ros.common.atomic import lock_folder, locked_folder
from test.helpers.stereo_folders import SIZE, write_pairs
from trainer.__main__ import main
from trainer.train.checkpoint import TrainingRecord
from trainer.train.config import TrainConfig
from trainer.train.resume import check_same

ROOT = Path(__file__).parents[3]
DIE_IN_STEP = """
import os, signal
from trainer.train.lightning_module import StereoDepth
whole_step = StereoDepth.training_step
def training_step(self, *batch):
    loss = whole_step(self, *batch)
    if self.global_step == {step}:
        os.kill(os.getpid(), signal.SIGKILL)
    return loss
StereoDepth.training_step = training_step
"""


@pytest.fixture(scope='module')
def pairs(tmp_path_factory):
    return write_pairs(tmp_path_factory.mktemp('data') / 'pairs', 22)


def _arguments(pairs, output, **changes):
    """Of a small training: 20 pairs train, 2 validate, 5 steps an epoch, checkpoints every 2."""
    values = {
        'network': 'small', 'batch_size': 4, 'workers': 0, 'checkpoint_every': 2, **SIZE,
        'trainer.max_steps': 13, 'trainer.enable_progress_bar': 'false',
        'trainer.check_val_every_n_epoch': 'null', 'trainer.val_check_interval': 3,
        'trainer.log_every_n_steps': 1, 'trainer.num_sanity_val_steps': 0,
    }  # fmt: skip
    values |= changes
    options = [f'--{name}={value}' for name, value in values.items()]
    return ['train', '--data', str(pairs), f'--output={output}', *options]


def _state(path):
    return torch.load(path, weights_only=True)


def _start(arguments, before=''):
    code = f'{before}\nimport sys\nfrom trainer.__main__ import main\nsys.exit(main(sys.argv[1:]))'
    # Lightning starts its other processes as this one was, which a text of code cannot be.
    how = ['-c', code] if before else ['-m', 'trainer']
    return subprocess.Popen(
        [sys.executable, *how, *map(str, arguments)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def _die_in_step(arguments, step):
    """A training that kills itself, as kill -9 does, in the middle of a step."""
    process = _start(arguments, before=DIE_IN_STEP.format(step=step))
    said = process.communicate(timeout=400)[0]
    assert process.returncode == -signal.SIGKILL, said


# It goes on from step 2, in the first epoch; 6, after a validation; 10, the end of an epoch.
@pytest.mark.slow
@pytest.mark.parametrize(('died_in', 'workers'), [(3, 0), (7, 1), (11, 0)])
def test_killed_and_resumed_it_gives_the_same_weights_bit_for_bit(
    pairs, tmp_path, died_in, workers
):
    assert main(_arguments(pairs, tmp_path / 'whole', workers=workers)) == 0
    parts = _arguments(pairs, tmp_path / 'parts', workers=workers)
    _die_in_step(parts, died_in)
    assert _state(tmp_path / 'parts' / 'last.ckpt')['global_step'] == died_in - 1
    resumed = _start(parts)
    said = resumed.communicate(timeout=400)[0]
    assert resumed.returncode == 0, said
    assert 'going on from last.ckpt' in said
    whole, parts = (_state(tmp_path / run / 'last.ckpt') for run in ('whole', 'parts'))
    assert whole['global_step'] == parts['global_step'] == 13
    assert all(
        torch.equal(value, parts['state_dict'][key]) for key, value in whole['state_dict'].items()
    )
    assert _flat(whole['optimizer_states']) == _flat(parts['optimizer_states'])
    assert whole['lr_schedulers'] == parts['lr_schedulers']


@pytest.mark.slow
def test_killed_twice_with_accumulated_batches_it_resumes_exactly_too(pairs, tmp_path):
    steps = {'trainer.accumulate_grad_batches': 2, 'batch_size': 2, 'trainer.max_steps': 20}
    assert main(_arguments(pairs, tmp_path / 'whole', **steps)) == 0
    parts = _arguments(pairs, tmp_path / 'parts', **steps)
    _die_in_step(parts, 5)
    _die_in_step(parts, 11)
    assert main(parts) == 0
    whole, parts = (_state(tmp_path / run / 'last.ckpt') for run in ('whole', 'parts'))
    assert _flat(whole['state_dict']) == _flat(parts['state_dict'])


@pytest.mark.slow
def test_two_processes_have_the_loss_curve_of_one_with_twice_the_batch(pairs, tmp_path):
    # A network without BatchNorm, whose statistics would be those of half a batch each.
    common = {'network': 'godard_vgg', 'width': 128, 'height': 128, 'trainer.max_steps': 3}
    one = _arguments(pairs, tmp_path / 'one', batch_size=2, **common)
    two = _arguments(pairs, tmp_path / 'two', batch_size=1, **common)
    ddp = ['--trainer.accelerator=cpu', '--trainer.devices=2', '--trainer.strategy=ddp']
    process = _start([*two, *ddp])
    said = process.communicate(timeout=400)[0]
    assert process.returncode == 0, said
    assert main([*one, '--trainer.accelerator=cpu']) == 0
    expected = _scalars(tmp_path / 'one', 'loss')
    assert len(expected) == 3
    assert _scalars(tmp_path / 'two', 'loss') == pytest.approx(expected, rel=1e-4)
    assert expected[0] != pytest.approx(expected[-1], rel=1e-3)


def test_a_folder_of_another_training_is_refused_before_pairs_are_read(pairs, tmp_path, capsys):
    with locked_folder(tmp_path):
        assert main(_arguments(pairs, tmp_path)) == 1
    said = capsys.readouterr()
    assert f'process {os.getpid()} (' in said.err
    assert 'quick check' not in said.out
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_of_two_trainings_at_once_one_is_refused_and_names_the_other(pairs, tmp_path):
    arguments = _arguments(pairs, tmp_path / 'run', **{'trainer.max_steps': 1_000_000})
    trainings = [_start(arguments) for _ in range(2)]
    try:
        while all(training.poll() is None for training in trainings):
            time.sleep(0.05)
        refused, other = sorted(trainings, key=lambda training: training.poll() is None)
        said = refused.stdout.read()
        assert refused.returncode == 1
        assert f'trainer train: process {other.pid} ({sys.executable} -m trainer train' in said
        assert other.poll() is None
    finally:
        for training in trainings:
            training.kill()
            training.wait()
            training.stdout.close()
    # What was killed holds nothing.
    os.close(lock_folder(tmp_path / 'run'))


def test_the_logs_hold_scalars_and_panels_and_the_best_is_kept(pairs, tmp_path):
    assert main(_arguments(pairs, tmp_path / 'run')) == 0
    logs = EventAccumulator(str(tmp_path / 'run' / 'tensorboard'))
    logs.Reload()
    assert {'loss', 'appearance', 'val_loss', 'learning_rate'} <= set(logs.Tags()['scalars'])
    panel = logs.Images('validation/0')[0]
    assert (panel.width, panel.height) == (64, 4 * 32)
    losses = _scalars(tmp_path / 'run', 'val_loss')
    best = _state(tmp_path / 'run' / 'best.ckpt')
    last = _state(tmp_path / 'run' / 'last.ckpt')
    (callback,) = (v for k, v in last['callbacks'].items() if 'Checkpoints' in k)
    assert callback['best_loss'] == pytest.approx(min(losses))
    assert best['global_step'] == 3 * (losses.index(min(losses)) + 1)
    kept = sorted(path.name for path in (tmp_path / 'run' / 'recent').iterdir())
    assert kept == [f'step_{step:07d}.ckpt' for step in (6, 8, 10, 12, 13)]


def test_without_validation_the_last_checkpoint_is_the_result(pairs, tmp_path, capsys):
    run = tmp_path / 'run'
    every = {'validation': 'none', 'trainer.max_steps': 4, 'trainer.val_check_interval': 2}
    assert main(_arguments(pairs, run, **every)) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith('22 pairs train and 0 validate, of 1 sequences; learns depth from')
    assert said[0].endswith('the result is last.ckpt, there is no best.ckpt')
    assert said[-1] == str(run / 'last.ckpt')
    assert not (run / 'best.ckpt').exists()
    assert main(_arguments(pairs, run, **every | {'validation': 'last_tenth'})) == 1
    assert 'was trained with validation = none, now it is last_tenth' in capsys.readouterr().err


def test_an_option_that_a_stored_training_does_not_know_had_its_default(tmp_path):
    config = TrainConfig(('pairs',), tmp_path, trainer={'max_steps': 4})
    known = {k: v for k, v in config.plain().items() if k != 'validation'}
    stored = TrainingRecord('{}', known, 'data')
    check_same(stored, config, 'data')
    with pytest.raises(FileExistsError, match='with validation = last_tenth, now it is none'):
        check_same(stored, replace(config, validation='none'), 'data')


def test_the_learning_rate_halves_at_three_and_at_four_fifths(pairs, tmp_path):
    ten = {'trainer.max_steps': 10, 'learning_rate': 8e-3}
    assert main(_arguments(pairs, tmp_path / 'run', **ten)) == 0
    rates = _scalars(tmp_path / 'run', 'learning_rate')
    assert rates == pytest.approx([8e-3] * 6 + [4e-3] * 2 + [2e-3] * 2)


def test_in_bfloat16_the_weights_stay_float32_and_the_loss_close(pairs, tmp_path):
    for precision in ('32-true', 'bf16-mixed'):
        changes = {'trainer.precision': precision, 'trainer.max_steps': 2}
        assert main(_arguments(pairs, tmp_path / precision, **changes)) == 0
    single, half = (_scalars(tmp_path / p, 'loss') for p in ('32-true', 'bf16-mixed'))
    assert half == pytest.approx(single, rel=0.02)
    assert half != single
    weights = _state(tmp_path / 'bf16-mixed' / 'last.ckpt')['state_dict'].values()
    assert {value.dtype for value in weights} <= {torch.float32, torch.int64}


def test_gradients_can_be_clipped_in_half_precision(pairs, tmp_path):
    changes = {'trainer.gradient_clip_val': 0.1, 'trainer.precision': 'bf16-mixed'}
    assert main(_arguments(pairs, tmp_path / 'run', **changes, **{'trainer.max_steps': 2})) == 0


def test_epochs_count_as_steps(pairs, tmp_path):
    two = {
        'trainer.max_steps': -1, 'trainer.max_epochs': 2, 'trainer.val_check_interval': 1.0,
        'trainer.check_val_every_n_epoch': 1,
    }  # fmt: skip
    assert main(_arguments(pairs, tmp_path / 'run', **two)) == 0
    # 20 training pairs in batches of 4: 5 steps an epoch, the rate halves after 6 and 8.
    assert _scalars(tmp_path / 'run', 'learning_rate')[5:] == pytest.approx(
        [1e-4, 5e-5, 5e-5, 2.5e-5, 2.5e-5]
    )


def test_a_checkpoint_says_where_it_comes_from(pairs, tmp_path):
    arguments = _arguments(pairs, tmp_path / 'run', seed=7)
    assert main(arguments) == 0
    record = _state(tmp_path / 'run' / 'last.ckpt')['monodepth_ros']
    assert record['config']['seed'] == 7
    assert record['config']['trainer']['max_steps'] == 13
    assert len(record['data_fingerprint']) == 64
    assert '"git_commit"' in record['spec_json']


def test_what_lightning_cannot_do_is_one_line(pairs, tmp_path, capsys):
    wrong = {'trainer.val_check_interval': 0.5}
    assert main(_arguments(pairs, tmp_path / 'run', **wrong)) == 1
    assert '`val_check_interval` should be an integer' in capsys.readouterr().err


@pytest.mark.parametrize(
    ('option', 'words'),
    [
        ({'learning_rate': 0.5}, 'was trained with learning_rate = 0.0001, now it is 0.5'),
        ({'network': 'resnet18'}, 'was trained with network = small, now it is resnet18'),
        ({'trainer.max_steps': 5}, 'was trained with trainer.max_steps = 4, now it is 5'),
    ],
)
def test_another_training_is_not_gone_on_with(pairs, tmp_path, capsys, option, words):
    four = {'trainer.max_steps': 4}
    assert main(_arguments(pairs, tmp_path / 'run', **four)) == 0
    before = (tmp_path / 'run' / 'last.ckpt').read_bytes()
    assert main(_arguments(pairs, tmp_path / 'run', **four | option)) == 1
    assert words in capsys.readouterr().err
    assert (tmp_path / 'run' / 'last.ckpt').read_bytes() == before


def test_other_frames_are_not_gone_on_with(tmp_path, capsys):
    pairs = write_pairs(tmp_path / 'pairs', 4)
    four = {'trainer.max_steps': 4}
    assert main(_arguments(pairs, tmp_path / 'run', **four)) == 0
    for view in ('left', 'right'):
        (pairs / view / '4.jpg').write_bytes((pairs / view / '3.jpg').read_bytes())
    assert main(_arguments(pairs, tmp_path / 'run', **four)) == 1
    assert 'was trained on other frames' in capsys.readouterr().err


def test_a_loss_that_is_no_number_stops_and_names_the_pairs(pairs, tmp_path, capsys):
    assert main(_arguments(pairs, tmp_path / 'run', learning_rate=1e30)) == 1
    error = capsys.readouterr().err
    assert 'the loss became nan in the batch of' in error
    assert f'{pairs}, pair ' in error
    assert not (tmp_path / 'run' / 'last.ckpt').exists()


def test_a_full_disk_leaves_the_checkpoint_before(pairs, tmp_path):
    """A limit of file size stands in for the full disk: the write fails half-way all the same."""
    output = tmp_path / 'run'
    assert main(_arguments(pairs, output, **{'trainer.max_steps': 13})) == 0
    last = output / 'last.ckpt'
    # A checkpoint of step 12 to go on from, and no room for the next one.
    state = _state(last)
    state['monodepth_ros']['config']['trainer']['max_steps'] = 30
    torch.save(state, last)
    whole = last.read_bytes()
    size = len(whole)
    limited = subprocess.run(
        [sys.executable, '-m', 'trainer',
         *_arguments(pairs, output, **{'trainer.max_steps': 30})],
        cwd=ROOT, capture_output=True, text=True, timeout=400, check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size // 2, size // 2)),
    )  # fmt: skip
    assert limited.returncode == 1
    assert 'last.ckpt could not be written' in limited.stderr
    assert last.read_bytes() == whole
    assert not list(output.glob('*.partial'))


def _flat(value):
    """Nested lists, dicts and tensors as plain comparable values."""
    if isinstance(value, torch.Tensor):
        return value.tolist()
    if isinstance(value, dict):
        return {key: _flat(item) for key, item in value.items()}
    return [_flat(item) for item in value] if isinstance(value, list | tuple) else value


def _scalars(output, name):
    logs = EventAccumulator(str(output / 'tensorboard'))
    logs.Reload()
    return [event.value for event in logs.Scalars(name)]
