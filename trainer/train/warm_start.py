"""The warm start: a new training that begins from the weights of a checkpoint."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
import math
from pathlib import Path
from typing import NamedTuple

from monodepth_ros.core.camera import Intrinsics, StereoCalibration
from monodepth_ros.core.model_spec import ModelSpec, TrainingStage
from trainer.model.network import DepthNetwork
from trainer.train.checkpoint import (
    load_trained,
    RECENT,
    TrainedNetwork,
)
from trainer.train.config import TrainConfig
from trainer.train.coverage import covered_fraction
from trainer.train.training_spec import nearest_m, own_rig

# A line says what is lost where the kept rig and the data's own one differ by a larger factor;
# calibrations of one kind of rig differ by a few per cent.
CLEARLY = 0.8
REMEDY = (
    'if that matters, train without init_from (encoder_weights takes pretrained weights instead)'
)


class WarmStart(NamedTuple):
    """
    The parts of a checkpoint that a new training begins with.

    spec: the canonical rig, and the history up to this training.
    network: the weights, in training mode.
    """

    spec: ModelSpec
    network: DepthNetwork


def warm_start(config: TrainConfig) -> WarmStart | None:
    """
    Load what a new training begins with from config.init_from; None without one.

    Raises ValueError or OSError for a file that is no checkpoint, and for options that do not fit
    it.
    """
    if config.init_from is None:
        return None
    source = load_trained(config.init_from)
    _check_options(config, source)
    stage = _stage(config.init_from, source)
    return WarmStart(
        replace(source.spec, history=(*source.spec.history, stage)), source.network.train()
    )


def warm_start_lines(config: TrainConfig, kept: ModelSpec, first: StereoCalibration) -> list[str]:
    """
    Describe what a new training keeps, and what that costs.

    kept: WarmStart.spec.
    first: the rig that would define the canonical camera without init_from.
    """
    camera, rig = kept.camera, StereoCalibration(kept.camera, kept.baseline_m)
    return [
        f'begins with the weights of {config.init_from} and keeps its canonical camera (fx '
        f'{camera.fx:.1f} px, {camera.width} x {camera.height}) and baseline '
        f'({rig.baseline_m:.3f} m)',
        *_costs(config, rig, own_rig(config, first)),
    ]


def _costs(config: TrainConfig, kept: StereoCalibration, own: StereoCalibration) -> Iterator[str]:
    """Say what the kept rig cannot show or learn, and the data's own rig could."""
    kept_m, own_m = nearest_m(kept), nearest_m(own)
    if own_m < CLEARLY * kept_m:
        yield (
            f'the rig of {config.data[0]} by itself would learn depth from {own_m:.2f} m, the '
            f'canonical camera of {config.init_from} from {kept_m:.2f} m; {REMEDY}'
        )
    seen = covered_fraction(kept.intrinsics, own.intrinsics)
    if seen < CLEARLY:
        yield (
            f'the canonical camera of {config.init_from} shows {seen:.0%} of what the rig of '
            f'{config.data[0]} by itself would show; {REMEDY}'
        )


def _check_options(config: TrainConfig, source: TrainedNetwork) -> None:
    """Raise ValueError for the first option that the weights or the camera do not allow."""
    camera = source.spec.camera
    options = {
        'network': source.spec.encoder,
        'width': camera.width,
        'height': camera.height,
        # Files of other programs of this project state no options.
        'square_pixels': source.record.config.get('square_pixels', _is_square(camera)),
    }
    for name, trained in options.items():
        given = getattr(config, name)
        if given != trained:
            remedy = str(trained).lower() if isinstance(trained, bool) else trained
            raise ValueError(
                f'{name} is {given}, and {config.init_from} was trained with {trained}; give '
                f'--{name} {remedy}, or train without init_from'
            )


def _is_square(camera: Intrinsics) -> bool:
    return math.isclose(camera.fx, camera.fy)


def _stage(checkpoint: Path, source: TrainedNetwork) -> TrainingStage:
    """Describe the checkpoint's training, which is an earlier one now."""
    spec = source.spec
    # The whole path would tell a stranger about this computer's folders.
    named = 3 if checkpoint.parent.name == RECENT else 2
    return TrainingStage(
        origin='/'.join(checkpoint.absolute().parts[-named:]),
        training_data=spec.training_data,
        data_licence=spec.data_licence,
        steps=source.steps,
        git_commit=spec.git_commit,
    )
