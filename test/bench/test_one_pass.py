"""The benchmark of distillation: what it compares, and what it runs."""

from __future__ import annotations

import os
from types import SimpleNamespace

import pytest

from bench import one_pass
from bench.one_pass import distilled, ONE, score_rows, targets, time_target, TWO
from bench.turns import EngineLatency
from trainer.__main__ import main as trainer_main
from trainer.train.distill_config import DistillConfig


def _scores(abs_rel, ause):
    figures = {'abs_rel': abs_rel, 'ause': ause}
    return {'karlsruhe': figures, 'kitti_odo_seq2': {'abs_rel': 2 * abs_rel, 'ause': ause}}


def _latency(*rounds_s):
    return EngineLatency(1, 1, 1, 1, list(rounds_s))


def test_targets_are_those_of_one_pass_over_two():
    scores = {TWO: [_scores(0.1, 0.04), _scores(0.3, 0.06)], ONE: [_scores(0.202, 0.031)]}
    found = [(target.name, round(target.measured, 3), target.ok) for target in targets(scores)]
    assert found == [
        ('karlsruhe: abs_rel, one pass / two', 1.01, True),
        ('karlsruhe: ause, one pass / two', 0.62, False),
        ('kitti_odo_seq2: abs_rel, one pass / two', 1.01, True),
        ('kitti_odo_seq2: ause, one pass / two', 0.62, False),
    ]
    assert score_rows(scores)[0] == ['karlsruhe', TWO, '0.200 ± 0.100', '0.050 ± 0.010']


@pytest.mark.parametrize(('one_s', 'ok'), [(0.5, True), (0.6, False)])
def test_the_time_is_compared_in_each_round(one_s, ok):
    latency = {TWO: _latency(1, 2, 4), ONE: _latency(one_s, 2 * one_s, 4 * one_s)}
    target = time_target(latency)
    assert (target.measured, target.ok) == (pytest.approx(one_s), ok)


def test_the_command_distils_the_teacher(tmp_path, monkeypatch):
    commands, asked = [], []
    monkeypatch.setattr(one_pass.subprocess, 'run', _runs(commands, status=0))
    monkeypatch.setattr('trainer.train.distill.distill', lambda *what: asked.append(what))
    teacher = _file(tmp_path / 'last.ckpt', seconds=1)
    distilled(teacher, tmp_path / 'one')
    assert trainer_main(commands[0][3:]) == 0
    config = DistillConfig(steps=one_pass.STEPS, learning_rate=one_pass.LEARNING_RATE)
    assert asked == [(teacher, tmp_path / 'one', config)]


def test_a_student_of_an_older_teacher_is_removed(tmp_path, monkeypatch):
    monkeypatch.setattr(one_pass.subprocess, 'run', _runs([], status=0))
    (tmp_path / 'one').mkdir()
    last = _file(tmp_path / 'one' / 'last.ckpt', seconds=5)
    distilled(_file(tmp_path / 'last.ckpt', seconds=1), tmp_path / 'one')
    assert last.exists()
    distilled(_file(tmp_path / 'last.ckpt', seconds=9), tmp_path / 'one')
    assert not last.exists()


def test_a_failed_distillation_ends_the_benchmark(tmp_path, monkeypatch):
    monkeypatch.setattr(one_pass.subprocess, 'run', _runs([], status=1))
    with pytest.raises(ValueError, match='ended with status 1'):
        distilled(_file(tmp_path / 'last.ckpt', seconds=1), tmp_path / 'one')


def _file(path, *, seconds):
    path.touch()
    os.utime(path, (seconds, seconds))
    return path


def _runs(commands, *, status):
    def run(command, **_):
        commands.append(command)
        return SimpleNamespace(returncode=status)

    return run
