"""The checkpoint that a stopped training goes on from, and what must be the same for that."""

from __future__ import annotations

from dataclasses import fields
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


def resume_point(output: Path, record: TrainingRecord) -> Path | None:
    """Return the checkpoint to resume from; raise if the folder belongs to something else."""
    last = output / LAST
    if last.exists():
        check_same(read_record(last), record, output)
        rank_zero_only(print)(f'{output}: going on from {LAST}')
        return last
    if output.exists() and any(output.iterdir()) and not (output / CONFIG).exists():
        raise FileExistsError(
            f'{output} holds something else than a training; choose another name'
        )
    return None


def check_same(stored: TrainingRecord, record: TrainingRecord, output: Path) -> None:
    """Raise FileExistsError if options or data differ from those of a stopped training."""
    other = 'remove it or choose another output'
    # An option that the stored configuration lacks had its default.
    defaults = {field.name: field.default for field in fields(TrainConfig)}
    before, now = _flat(stored.config), _flat(record.config)
    for key in sorted(before.keys() | now.keys()):
        then = before.get(key, defaults.get(key))
        if key not in FREE_KEYS and then != now.get(key):
            raise FileExistsError(
                f'{output} was trained with {key} = {then}, now it is {now.get(key)}; {other}'
            )
    if stored.data_fingerprint != record.data_fingerprint:
        raise FileExistsError(f'{output} was trained on other frames than data holds now; {other}')


def _flat(config: dict[str, Any]) -> dict[str, Any]:
    trainer = {f'trainer.{key}': value for key, value in config['trainer'].items()}
    return {key: value for key, value in config.items() if key != 'trainer'} | trainer


def write_config(output: Path, record: TrainingRecord) -> None:
    """Write the configuration for people to read; it marks the folder as a training's."""
    with atomic_file(output / CONFIG) as partial:
        partial.write_text(yaml.safe_dump(record.config, sort_keys=False))
