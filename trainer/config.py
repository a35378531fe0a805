"""The training configuration: the only home of its names, defaults and units."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

STRIDE = 32


@dataclass(frozen=True)
class TrainConfig:
    """Train a network on pair folders; OUTPUT/last.ckpt is what `export` takes."""

    data: tuple[Path, ...]
    """Pair folders; the first one's rig becomes the canonical camera."""
    output: Path
    """Folder for the checkpoint; must not exist yet."""
    width: int = 256
    """Network width in px, a multiple of 32."""
    height: int = 96
    """Network height in px, a multiple of 32."""
    max_steps: int = 1000
    """Optimiser steps; the learning rate halves at 3/5 and at 4/5 of them (METHOD section 4)."""
    batch_size: int = 4
    """Pairs a step."""
    learning_rate: float = 1e-3
    """Adam's, at the start."""
    workers: int = 1
    """Processes that decode and map images beside the training one; 0 decodes in it."""
    seed: int = 1
    """Of the initial weights, the order of pairs and the augmentation."""
    max_depth_m: float = 100.0
    """Predictions beyond it are published as out of range (+inf), in m."""
    data_licence: str = 'not stated'
    """Licence of the training data; stored in the model file."""

    def __post_init__(self) -> None:
        for name in ('width', 'height'):
            size = getattr(self, name)
            if size <= 0 or size % STRIDE:
                low = max(STRIDE, size // STRIDE * STRIDE)
                raise ValueError(
                    f'{name} is {size}, expected a multiple of {STRIDE}, e.g. {low} or '
                    f'{low + STRIDE}'
                )
        for name in ('max_steps', 'batch_size', 'learning_rate', 'max_depth_m'):
            if not getattr(self, name) > 0:
                raise ValueError(f'{name} is {getattr(self, name)}, expected a positive number')
        if not self.data:
            raise ValueError('data is empty, expected at least one pair folder')


def check_shares(first_share: float, last_share: float) -> None:
    """Raise ValueError unless they are the ends of a part of a recording."""
    if not 0 <= first_share < last_share <= 1:
        raise ValueError(
            f'first_share is {first_share:g} and last_share {last_share:g}, expected '
            '0 <= first_share < last_share <= 1'
        )
