"""The configuration of a distillation: the only home of its names, defaults and units."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class DistillConfig:
    """Teach a network to predict in one pass what it predicts in two, and to know its error."""

    data: tuple[str, ...] = ()
    """Pairs to train on, see `train`; none: those that the network was trained on."""
    steps: int | None = None
    """Optimiser steps; null: a quarter of the network's own."""
    learning_rate: float = 1.0e-4
    """Learning rate of Adam at the start; it is halved at 3/5 and at 4/5 of all steps."""
    hints: str = 'sgbm'
    """Disparities that teach the error, see `train`."""
