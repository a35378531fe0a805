"""`python -m trainer distill`: a trained network learns to need one pass instead of two."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from trainer.train.checkpoint import load_trained
from trainer.train.config import TrainConfig
from trainer.train.distill_config import DistillConfig
from trainer.train.train import train

STEPS_FRACTION = 1 / 4


def distill(checkpoint: Path, output: Path, config: DistillConfig) -> Path:
    """
    Train as the checkpoint was trained, but for config; return the new checkpoint's path.

    Raises ValueError or OSError as train, and for a checkpoint that needs one pass already.
    """
    _, _, record, trained_steps = load_trained(checkpoint)
    steps = config.steps or int(STEPS_FRACTION * (trained_steps or 0))
    if not steps:
        raise ValueError(f'{checkpoint} does not state its steps; give --steps')
    options: dict[str, Any] = TrainConfig.with_defaults(record.config) | {
        'data': config.data or tuple(record.config['data']),
        'output': output,
        'teacher': checkpoint,
        'init_from': None,
        'encoder_weights': None,
        'learning_rate': config.learning_rate,
        'hints': config.hints,
        'trainer': _arguments(record.config['trainer'], steps),
    }
    cache = options['cache']
    return train(TrainConfig(**options | {'cache': cache and Path(cache)}))


def _arguments(trained: dict[str, Any], steps: int) -> dict[str, Any]:
    """Return the arguments of Lightning's Trainer for a training of that many steps."""
    kept = {name: value for name, value in trained.items() if name != 'max_epochs'}
    interval = kept.get('val_check_interval')
    if isinstance(interval, int):
        kept['val_check_interval'] = min(interval, steps)
    return kept | {'max_steps': steps}
