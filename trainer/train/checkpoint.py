"""Checkpoints: their content, the times when they are written, and how to read them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, NamedTuple

import lightning as L
from lightning.fabric.plugins import TorchCheckpointIO
import torch

from monodepth_ros.common.atomic import atomic_file
from monodepth_ros.common.errors import one_line
from monodepth_ros.common.paths import existing_file
from monodepth_ros.core.model_spec import ModelSpec
from trainer.model.calibration import Knot
from trainer.model.exported_network import ExportedNetwork
from trainer.model.network import build_network, DepthNetwork
from trainer.train.history import pretraining

LAST, BEST, RECENT = 'last.ckpt', 'best.ckpt', 'recent'
VALIDATION_LOSS = 'val_loss'
# Keep the last few: single checkpoints vary by 20 % in Abs Rel, and a mean is more reliable.
RECENT_KEPT = 5
RECORD = 'monodepth_ros'
NETWORK_PREFIX, ERROR_PREFIX = 'network.', 'error_head.'
# A network computes an image alone, or its mirror image too.
Passes = Literal[1, 2]


@dataclass(frozen=True)
class TrainingRecord:
    """
    The origin of weights: ModelSpec (with the git commit), configuration and data.

    spec_json: ModelSpec.to_json().
    config: TrainConfig.plain().
    data_fingerprint: see trainer.datasets.sources.fingerprint.
    calibration: see Calibration.knots, as plain numbers, by number of passes; empty until the
    training ends, and without pairs that validate.
    """

    spec_json: str
    config: dict[str, Any]
    data_fingerprint: str
    calibration: dict[Passes, list[tuple[float, float]]] = field(default_factory=dict)


class AtomicCheckpointIO(TorchCheckpointIO):
    """Atomic writing of checkpoints, so that the previous one survives a full disk."""

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: Path | str, storage_options: Any = None
    ) -> None:
        """Write the whole file or nothing; raise OSError if it cannot be written."""
        try:
            with atomic_file(Path(path)) as partial:
                torch.save(checkpoint, partial)
        except (OSError, RuntimeError) as error:  # torch's zip writer raises RuntimeError
            raise OSError(
                f'{path} could not be written ({one_line(error)}); is the disk full? The one '
                'before it is whole: free some space and give the same command to go on'
            ) from error


class Checkpoints(L.Callback):
    """
    A callback that writes last.ckpt, best.ckpt by validation loss, and the last few weights.

    folder: folder of the training.
    every: optimiser steps between two checkpoints.
    """

    def __init__(self, folder: Path, *, every: int) -> None:
        self._folder = folder
        self._every = every
        self._saved_step = 0
        self._best_loss = float('inf')

    def on_train_start(self, trainer: L.Trainer, *_: Any) -> None:
        """Note the first step, which is saved already, so that only a later one is saved."""
        self._saved_step = trainer.global_step

    def on_train_batch_end(self, trainer: L.Trainer, *_: Any) -> None:
        """Save at every step that is a multiple of `every`."""
        if trainer.global_step % self._every == 0:
            self._save_last(trainer)

    def on_validation_end(self, trainer: L.Trainer, *_: Any) -> None:
        """Save if the validation loss is the lowest so far."""
        loss = trainer.callback_metrics.get(VALIDATION_LOSS)
        if not trainer.sanity_checking and loss is not None and loss < self._best_loss:
            self._best_loss = float(loss)
            trainer.save_checkpoint(self._folder / BEST, weights_only=True)

    def on_train_end(self, trainer: L.Trainer, *_: Any) -> None:
        """Save the last step too."""
        self._save_last(trainer)

    def state_dict(self) -> dict[str, float]:
        """Return the state that each checkpoint stores."""
        return {'best_loss': self._best_loss}

    def load_state_dict(self, state: dict[str, float]) -> None:
        """Restore the state after a restart."""
        self._best_loss = state['best_loss']

    def _save_last(self, trainer: L.Trainer) -> None:
        # With accumulated batches, the step changes only at the last batch of each step.
        if trainer.global_step == self._saved_step:
            return
        self._saved_step = trainer.global_step
        trainer.save_checkpoint(self._folder / LAST)
        recent = self._folder / RECENT
        trainer.save_checkpoint(recent / f'step_{trainer.global_step:07d}.ckpt', weights_only=True)
        if trainer.is_global_zero:
            for old in sorted(recent.glob('step_*.ckpt'))[:-RECENT_KEPT]:
                old.unlink()


class TrainedNetwork(NamedTuple):
    """
    The content of a checkpoint, without the state of the optimiser.

    network: in evaluation mode.
    record: its config and calibration.
    steps: optimiser steps; None if the file does not state them.
    """

    network: DepthNetwork
    spec: ModelSpec
    record: TrainingRecord
    steps: int | None


def load_checkpoint(path: Path) -> tuple[DepthNetwork, ModelSpec]:
    """Load a network in evaluation mode and its ModelSpec; raise ValueError for another file."""
    trained = load_trained(path)
    return trained.network, trained.spec


def load_trained(path: Path) -> TrainedNetwork:
    """Load a checkpoint; raise ValueError for another file."""
    values = _load(path)
    record = _record(path, values)
    spec = recorded_spec(record)
    network = build_network(spec.encoder)
    try:
        weights = _network_weights(values)
        network.learn_error(with_hints=any(name.startswith(ERROR_PREFIX) for name in weights))
        network.load_state_dict(weights)
    except (KeyError, RuntimeError) as error:
        raise ValueError(
            f'{path} holds weights of another architecture than its network {spec.encoder!r} '
            f'({one_line(error)}); train again, or check out the commit that wrote it: '
            f'{spec.git_commit}'
        ) from error
    return TrainedNetwork(network.eval(), spec, record, values.get('global_step'))


def recorded_spec(record: TrainingRecord) -> ModelSpec:
    """Return the ModelSpec of a record; its history is complete also if the version had none."""
    spec = ModelSpec.from_json(record.spec_json)
    return spec if spec.history else replace(spec, history=pretraining(record.config))


def read_record(path: Path) -> TrainingRecord:
    """Return the record of a checkpoint; raise ValueError for another file."""
    return _record(path, _load(path))


def record_entry(record: TrainingRecord) -> dict[str, Any]:
    """Return the record as an entry of a checkpoint."""
    return {RECORD: asdict(record)}


def _record(path: Path, values: dict[str, Any]) -> TrainingRecord:
    try:
        return TrainingRecord(**values[RECORD])
    except (KeyError, TypeError) as error:
        raise ValueError(
            f'{path} is no checkpoint of this trainer: it has no record of a training'
        ) from error


def _network_weights(values: dict[str, Any]) -> dict[str, torch.Tensor]:
    weights = values['state_dict'].items()
    return {key.removeprefix(NETWORK_PREFIX): value for key, value in weights}


def _load(path: Path) -> dict[str, Any]:
    path = existing_file(path, 'checkpoint', 'make one with `python -m trainer train`')
    try:
        values: dict[str, Any] = torch.load(path, map_location='cpu', weights_only=True)
    # torch raises many kinds of error for a file that is no archive of tensors and plain values.
    except Exception as error:
        raise ValueError(f'{path} is no checkpoint of this trainer: {one_line(error)}') from error
    return values


def store_calibration(path: Path, calibration: Mapping[Passes, tuple[Knot, ...]]) -> None:
    """Write a calibration into a checkpoint; raise as load_checkpoint and save_checkpoint."""
    values = _load(path)
    plain = {passes: [(*knot,) for knot in knots] for passes, knots in calibration.items()}
    record = replace(_record(path, values), calibration=plain)
    AtomicCheckpointIO().save_checkpoint(values | record_entry(record), path)


def load_exported(
    checkpoint: Path, *, flip: bool = True, confidence: bool = True
) -> tuple[ExportedNetwork, ModelSpec]:
    """
    Return the network that a checkpoint is exported as, in float32, and its spec.

    checkpoint: the file.
    flip, confidence: see ExportedNetwork.
    Raises as load_checkpoint.
    """
    network, spec, record, _ = load_trained(checkpoint)
    model = ExportedNetwork(
        network,
        canonical_width=spec.camera.width,
        flip=flip,
        confidence=confidence,
        knots=tuple(Knot(*knot) for knot in record.calibration.get(2 if flip else 1, ())),
    )
    return model.eval(), spec
