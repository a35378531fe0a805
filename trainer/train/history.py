"""The history of a model: the weights and trainings that it began from, as ModelSpec keeps it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from monodepth_ros.core.model_spec import TrainingStage
from trainer.model.weights import IMAGENET, PUBLIC


def pretraining(config: Mapping[str, Any]) -> tuple[TrainingStage, ...]:
    """
    Return the stage in which a training's encoder was trained before; none for random weights.

    config: TrainConfig.plain(), as a checkpoint stores it too.
    """
    weights = config.get('encoder_weights')
    if weights is None:
        return ()
    network = config['network']
    if weights == IMAGENET and network in PUBLIC:
        public = PUBLIC[network]
        origin = f'encoder weights of {network}: {public.file}'
        return (TrainingStage(origin, ('ImageNet',), public.licence),)
    return (TrainingStage(f'encoder weights of {network}: {Path(weights).name}'),)
