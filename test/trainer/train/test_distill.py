"""Distillation by the command: a network of two passes teaches one that needs one."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch

from monodepth_ros.inference.load import load_backend
from monodepth_ros.storage.pair_folder import PairFolder
from test.helpers.stereo_folders import SIZE, write_pairs
from trainer.__main__ import main
from trainer.model.one_pass import OnePassNetwork
from trainer.train.checkpoint import load_checkpoint, load_exported, load_trained, read_record
from trainer.train.config import TrainConfig
from trainer.train.teacher import Teacher
from trainer.train.train import train

STEPS, STUDENT_STEPS = 100, 60


@pytest.fixture(scope='module')
def pairs(tmp_path_factory):
    return write_pairs(tmp_path_factory.mktemp('data') / 'pairs', 20)


@pytest.fixture(scope='module')
def teacher(pairs, tmp_path_factory):
    """The last checkpoint of a training that validated."""
    values = {'network': 'small', 'batch_size': 4, 'workers': 0, 'learning_rate': 2e-3} | SIZE
    trainer = {'max_steps': STEPS, 'enable_progress_bar': False, 'val_check_interval': 4}
    trainer |= {'check_val_every_n_epoch': None}
    output = tmp_path_factory.mktemp('training') / 'two'
    train(TrainConfig((str(pairs),), output, trainer=trainer, **values))
    return output / 'last.ckpt'


@pytest.fixture(scope='module')
def student(teacher, tmp_path_factory):
    """The last checkpoint of the command."""
    output = tmp_path_factory.mktemp('training') / 'one'
    command = ['distill', str(teacher), '-o', str(output), '--learning_rate', '2e-4']
    assert main([*command, '--steps', str(STUDENT_STEPS)]) == 0
    return output / 'last.ckpt'


@pytest.fixture
def image(pairs):
    """The left image of a pair that validates, (1, H, W, 3) uint8."""
    left, _ = PairFolder(pairs).read_pair('19')
    return torch.from_numpy(left)[None]


def test_it_trains_as_its_teacher_was_trained(teacher, student):
    trained = load_trained(student)
    config, before = trained.record.config, read_record(teacher).config
    assert (isinstance(trained.network, OnePassNetwork), trained.steps) == (True, STUDENT_STEPS)
    changed = {key for key in config if config[key] != before[key]}
    assert changed == {'output', 'teacher', 'learning_rate', 'hints', 'trainer'}
    assert trained.spec.history[-1].origin == 'two/last.ckpt'


def test_without_a_number_it_takes_a_quarter_of_its_teachers_steps(teacher, tmp_path):
    assert main(['distill', str(teacher), '-o', str(tmp_path / 'one')]) == 0
    trained = load_trained(tmp_path / 'one' / 'last.ckpt')
    assert trained.steps == STEPS // 4
    assert trained.record.config['learning_rate'] == 1e-4


def test_it_is_exported_without_the_second_pass_and_with_its_own_error(student, image, tmp_path):
    assert main(['export', str(student), '-o', str(tmp_path / 'one.onnx')]) == 0
    network, _ = load_checkpoint(student)
    (knots,) = read_record(student).calibration.values()
    with torch.inference_mode():
        predicted = network(image.permute(0, 3, 1, 2) / 255)
    expected = np.interp(predicted.error[0, 0], *np.transpose(knots))
    with load_backend(tmp_path / 'one.onnx', 'onnxruntime') as backend:
        computed = backend.infer(image[0].numpy())
    assert computed.disparity_frac == pytest.approx(predicted.disparity[0, 0].numpy(), rel=1e-3)
    assert computed.confidence == pytest.approx(1 - expected, abs=1e-3)


def test_a_second_pass_of_one_pass_is_refused(student, tmp_path, capsys):
    with pytest.raises(ValueError, match='got flip for a network of one pass'):
        load_exported(student, flip=True)
    assert main(['distill', str(student), '-o', str(tmp_path / 'again')]) == 1
    assert 'needs one pass already' in capsys.readouterr().err
    assert not (tmp_path / 'again').exists()


def test_one_that_stopped_before_its_calibration_goes_on(teacher, student, tmp_path, monkeypatch):
    command = ['distill', str(teacher), '-o', str(tmp_path / 'one'), '--learning_rate', '2e-4']
    command += ['--steps', str(STUDENT_STEPS)]
    last = tmp_path / 'one' / 'last.ckpt'
    with monkeypatch.context() as patched:
        patched.setattr('trainer.train.train.calibrate', _stop)
        assert main(command) == 130
    assert read_record(last).calibration == {}
    assert main(command) == 0
    assert read_record(last).calibration == read_record(student).calibration
    weights, again = (load_checkpoint(path)[0].state_dict() for path in (student, last))
    assert all(torch.equal(value, again[key]) for key, value in weights.items())


def _stop(*_):
    raise KeyboardInterrupt


def test_a_teacher_that_is_no_better_in_two_passes_is_refused(
    teacher, tmp_path, capsys, monkeypatch
):
    # Its second pass sees the mirror image of something else.
    monkeypatch.setattr(Teacher, '__call__', lambda teacher, image: teacher.one_pass(1 - image))
    command = ['distill', str(teacher), '-o', str(tmp_path / 'one')]
    assert main(command) == 1
    said = capsys.readouterr().err
    differs = r'cannot teach: it differs from matching on 2 pairs: 0\.\d+ with two passes, 0'
    assert re.search(differs, said)
    assert '--flip false' in said
    assert not (tmp_path / 'one').exists()
