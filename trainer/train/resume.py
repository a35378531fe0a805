"""The checkpoint that a stopped training goes on from, and what must be the same for that."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lightning.pytorch.utilities import rank_zero_only
import yaml

from monodepth_ros.common.atomic import atomic_file
from trainer.train.checkpoint import LAST, read_record, TrainingRecord
from trainer.train.config import TrainConfig

CONFIG = 'config.yaml'
# Options that may change on resuming: they affect speed and pauses, not the result.
FREE_KEYS = (
    'workers', 'cache', 'output', 'data', 'checkpoint_every', 'force',
    'trainer.enable_progress_bar', 'trainer.max_time',
)  # fmt: skip


def stopped_training(config: TrainConfig, data_fingerprint: str) -> TrainingRecord | None:
    """
    Return the record of the training in config.output that goes on; None for a new training.

    config: the options now.
    data_fingerprint: see TrainingRecord.
    Raises FileExistsError for a training with other options or data, and for a folder that holds
    something else.
    """
    output = config.output
    last = output / LAST
    if last.exists():
        stored = read_record(last)
        check_same(stored, config, data_fingerprint)
        rank_zero_only(print)(f'{output}: going on from {LAST}')
        return stored
    if output.exists() and any(output.iterdir()) and not (output / CONFIG).exists():
        raise FileExistsError(
            f'{output} holds something else than a training; choose another name'
        )
    return None


def check_same(stored: TrainingRecord, config: TrainConfig, data_fingerprint: str) -> None:
    """Raise FileExistsError if options or data differ from those of a stopped training."""
    output, other = config.output, 'remove it or choose another output'
    before, now = _flat(TrainConfig.with_defaults(stored.config)), _flat(config.plain())
    for key in sorted(before.keys() | now.keys()):
        then = before.get(key)
        if key not in FREE_KEYS and then != now.get(key):
            raise FileExistsError(
                f'{output} was trained with {key} = {then}, now it is {now.get(key)}; {other}'
            )
    if stored.data_fingerprint != data_fingerprint:
        raise FileExistsError(f'{output} was trained on other frames than data holds now; {other}')


def _flat(config: dict[str, Any]) -> dict[str, Any]:
    trainer = {f'trainer.{key}': value for key, value in config['trainer'].items()}
    return {key: value for key, value in config.items() if key != 'trainer'} | trainer


def write_config(output: Path, record: TrainingRecord) -> None:
    """Write the configuration for people to read; it marks the folder as a training's."""
    with atomic_file(output / CONFIG) as partial:
        partial.write_text(yaml.safe_dump(record.config, sort_keys=False))
