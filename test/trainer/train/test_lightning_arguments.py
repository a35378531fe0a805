"""Arguments of Lightning's Trainer that cannot work in a training of ours."""

from __future__ import annotations

import inspect

from lightning import Trainer
import pytest

from trainer.__main__ import main
from trainer.train.config import TrainConfig
from trainer.train.lightning_arguments import check_lightning_arguments, OURS, REFUSALS

DEFAULTS = {name: p.default for name, p in inspect.signature(Trainer).parameters.items()}


def test_the_table_is_of_arguments_that_there_are_and_refuses_no_default():
    assert REFUSALS.keys() <= DEFAULTS.keys()
    check_lightning_arguments(
        {name: value for name, value in DEFAULTS.items() if name not in OURS}
    )


@pytest.mark.parametrize(
    ('name', 'value', 'words'),
    [
        ('overfit_batches', 1, '1, but the training distributes the pairs itself'),
        ('overfit_batches', 0.5, 'give less data'),
        ('fast_dev_run', True, 'give trainer.max_steps'),
        ('fast_dev_run', 2, 'give trainer.max_steps'),
        ('limit_train_batches', 1, 'give trainer.max_steps'),
        ('limit_train_batches', 0.5, 'give trainer.max_steps'),
        ('limit_val_batches', 0, 'give --validation none'),
        ('reload_dataloaders_every_n_epochs', 1, 'would repeat order and augmentation'),
        ('barebones', True, 'omit it'),
        ('precision', '16-true', 'losses must be float32.*: give 32-true, 16-mixed or bf16-mixed'),
        ('precision', 'bf16-true', 'float32'),
        ('precision', '64-true', 'float32'),
        ('precision', 64, 'float32'),
        ('precision', 'transformer-engine', 'float32'),
        ('deterministic', True, 'give warn'),
        ('strategy', 'fsdp', 'give ddp'),
        ('strategy', 'deepspeed_stage_2', 'give ddp'),
        ('max_epochs', 0, 'nothing would be trained'),
        ('logger', False, 'the training sets it itself: omit it'),
        ('use_distributed_sampler', True, 'the training sets it itself: omit it'),
    ],
)
def test_what_cannot_work_is_refused_with_the_reason(tmp_path, name, value, words):
    with pytest.raises(ValueError, match=f'^got trainer.{name} .*{words}'):
        TrainConfig(('pairs',), tmp_path, trainer={'max_steps': 1, name: value})


@pytest.mark.parametrize(
    ('name', 'value'),
    [
        ('precision', '16-mixed'),
        ('precision', '32'),
        ('limit_train_batches', 1.0),
        ('limit_val_batches', 3),
        ('deterministic', 'warn'),
        ('strategy', 'ddp_find_unused_parameters_true'),
        ('max_epochs', -1),
    ],
)
def test_what_works_is_taken(tmp_path, name, value):
    TrainConfig(('pairs',), tmp_path, trainer={'max_steps': 1, name: value})


@pytest.mark.parametrize('option', ['overfit_batches=0.1', 'precision=bf16-true', 'logger=false'])
def test_the_command_refuses_in_one_line_before_it_looks_at_data(tmp_path, capsys, option):
    command = ['train', '--data', str(tmp_path / 'none'), f'--output={tmp_path / "run"}']
    assert main([*command, '--trainer.max_steps=1', f'--trainer.{option}']) == 1
    error = capsys.readouterr().err
    assert error.startswith(f'trainer train: got trainer.{option.partition("=")[0]} ')
    assert error.count('\n') == 1
