"""`python -m trainer train`: pair folders to checkpoints; a stopped training is resumed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
import logging
from pathlib import Path
from typing import Any
import warnings

import lightning as L
from lightning.pytorch.loggers import TensorBoardLogger
from lightning.pytorch.utilities import rank_zero_only
from lightning.pytorch.utilities.exceptions import MisconfigurationException
import torch

from monodepth_ros.common.atomic import locked_folder
from monodepth_ros.common.errors import one_line
from monodepth_ros.core.model_spec import ModelSpec
from trainer.check.preflight import fault_text, quick_check
from trainer.datasets.hints import check_hints, Hints
from trainer.datasets.sources import fingerprint, open_sequences, PairSequence
from trainer.model.limits import MAX_DISPARITY_FRAC
from trainer.model.network import build_network, DepthNetwork
from trainer.train.calibrate import calibrate
from trainer.train.checkpoint import (
    AtomicCheckpointIO,
    BEST,
    Checkpoints,
    LAST,
    recorded_spec,
    TrainingRecord,
)
from trainer.train.config import TrainConfig
from trainer.train.coverage import least_coverage, MIN_COVERED, NEARLY_ALL
from trainer.train.data_module import StereoData
from trainer.train.lightning_module import StereoDepth
from trainer.train.progress import TrainingProgress
from trainer.train.resume import stopped_training, write_config
from trainer.train.shared_memory import check_shared_memory, needed_bytes
from trainer.train.split import hints_of, Split, split_pairs
from trainer.train.training_spec import training_spec
from trainer.train.warm_start import warm_start, warm_start_lines


def train(config: TrainConfig) -> Path:
    """
    Train as configured, or resume from last.ckpt of the same training.

    Prints and returns the path of best.ckpt, or of last.ckpt if the training never validated.
    Raises ValueError or OSError for data, sizes or an output folder that do not fit.
    """
    sequences = [s for source in config.data for s in open_sequences(source)]
    split = split_pairs(sequences, config.validation)
    with _the_only_training_in(config.output), _plain_errors():
        _train(config, sequences, split)
    best = config.output / BEST
    # Without validation, a best.ckpt that exists is of an earlier training that was killed.
    checkpoint = best if split.validation and best.exists() else config.output / LAST
    rank_zero_only(print)(checkpoint)
    return checkpoint


def _is_first_process() -> bool:
    return bool(rank_zero_only.rank == 0)  # type: ignore[attr-defined]  # Lightning declares none


@contextmanager
def _the_only_training_in(output: Path) -> Iterator[None]:
    """Hold the lock of the output folder, in the first process of the training only."""
    if not _is_first_process():
        yield
        return
    is_new = not output.exists()
    output.mkdir(parents=True, exist_ok=True)
    with locked_folder(output):
        try:
            yield
        finally:
            # A refused training must leave no folder; rmdir removes it only if it is empty.
            if is_new:
                with suppress(OSError):
                    output.rmdir()


@contextmanager
def _plain_errors() -> Iterator[None]:
    """Convert errors of Lightning about its arguments to ValueError."""
    try:
        yield
    except (MisconfigurationException, ModuleNotFoundError) as error:
        raise ValueError(one_line(error)) from error


def _train(config: TrainConfig, sequences: Sequence[PairSequence], split: Split) -> None:
    """Train, or go on with the stopped training in the output folder."""
    data = fingerprint(split.sequences)
    stopped = stopped_training(config, data)
    # A stopped training has its rig and weights in last.ckpt: init_from may be gone.
    start = None if stopped else warm_start(config)
    kept = recorded_spec(stopped) if stopped else start and start.spec
    spec = training_spec(config, sequences, kept)
    rank_zero_only(print)(_plan(split, spec))
    trainer = _trainer(config)
    L.seed_everything(config.seed, workers=True, verbose=False)
    network = start.network if start else _network(config, is_new=stopped is None)
    network.learn_error(with_hints=config.hints is not None)
    if start:
        lines = warm_start_lines(config, start.spec, sequences[0].calibration)
        rank_zero_only(print)('\n'.join(lines))
    if stopped is None:
        _check_views(config, sequences, spec)
        _check_pairs(config, split.sequences)
    hints = hints_of(split, config.hints)
    # When it is resumed too: another program may have written them since.
    _check_hints(hints)
    pairs = [len(split.training), len(split.validation)]
    needed = needed_bytes(config, pairs=pairs, processes=trainer.num_devices)
    rank_zero_only(check_shared_memory)(needed)
    record = TrainingRecord(spec.to_json(), config.plain(), data)
    rank_zero_only(write_config)(config.output, record)
    trainer.fit(
        _module(config, network, record),
        StereoData(config, split, spec, hints),
        ckpt_path=config.output / LAST if stopped else None,
        weights_only=True,
    )
    rank_zero_only(calibrate)(config.output, split, spec)


def _network(config: TrainConfig, *, is_new: bool) -> DepthNetwork:
    weights = config.encoder_weights if is_new else None
    return build_network(config.network, weights=weights, log=rank_zero_only(print))


def _module(config: TrainConfig, network: DepthNetwork, record: TrainingRecord) -> StereoDepth:
    return StereoDepth(
        network,
        record,
        learning_rate=config.learning_rate,
        compile=config.compile,
    )


def _plan(split: Split, spec: ModelSpec) -> str:
    """Describe in one line the pairs and the depth range of the training."""
    plan = (
        f'{len(split.training)} pairs train and {len(split.validation)} validate, of '
        f'{len(split.sequences)} sequences; learns depth from {spec.depth_range_m[0]:.2f} m '
        f'(disparity {MAX_DISPARITY_FRAC} of the width)'
    )
    return plan if split.validation else f'{plan}; the result is {LAST}, there is no {BEST}'


def _check_views(config: TrainConfig, sequences: Sequence[PairSequence], spec: ModelSpec) -> None:
    """Refuse rigs that show too little of the canonical camera, unless config.force is set."""
    advice = 'give the data with the narrowest view first'
    if config.init_from is not None:
        advice = 'train without init_from'
    least = least_coverage(sequences, spec.camera)
    if least.fraction < MIN_COVERED:
        _refuse(config, f'{least}, expected at least {MIN_COVERED:.0%}', advice)
    elif least.fraction < NEARLY_ALL:
        rank_zero_only(print)(f'{least}: depth may be a tenth worse; to avoid it, {advice}')


def _check_pairs(config: TrainConfig, sequences: Sequence[PairSequence]) -> None:
    """
    Refuse pairs that would make the training collapse, unless config.force is set.

    Every process checks the same pairs itself: a process that waited for the result of another
    would wait for ever if the other one ends.
    """
    checks = quick_check(sequences)
    faults = fault_text(checks)
    pairs = sum(len(check.evidence.pairs) for check in checks)
    if not faults:
        rank_zero_only(print)(f'quick check of {pairs} pairs: no fault')
    _refuse(config, faults, f'see `python -m trainer check {" ".join(config.data)}`')


def _check_hints(hints: Iterable[Hints | None]) -> None:
    """Print how much the hints know; raise ValueError for hints that are wrong or missing."""
    for of_sequence in hints:
        if of_sequence is not None:
            known = check_hints(of_sequence)
            rank_zero_only(print)(f'{of_sequence.folder}: hints at {known:.0%} of the pixels')


def _refuse(config: TrainConfig, faults: str, advice: str) -> None:
    """Raise ValueError if there are faults, or print them if config.force is set."""
    if not faults:
        return
    if config.force:
        rank_zero_only(print)(f'training in spite of faults (force): {faults}')
    elif not _is_first_process():
        raise SystemExit(1)  # the first process prints the reason
    else:
        raise ValueError(f'{faults}; {advice}, or train with --force true')


def _trainer(config: TrainConfig) -> L.Trainer:
    # Silence Lightning's advertisements and internal deprecations: a user cannot act on them.
    logging.getLogger('lightning.pytorch').setLevel(logging.WARNING)
    warnings.filterwarnings('ignore', module='lightning')
    given = dict(config.trainer)
    progress = [] if given.get('enable_progress_bar') is False else [TrainingProgress()]
    if given.get('precision') is None:
        given['precision'] = 'bf16-mixed' if _has_bfloat16(given) else '32-true'
    if given.get('enable_model_summary') is None:
        given['enable_model_summary'] = False
    return L.Trainer(
        **given,
        logger=TensorBoardLogger(config.output, name='', version='tensorboard'),
        callbacks=[*progress, Checkpoints(config.output, every=config.checkpoint_every)],
        plugins=[AtomicCheckpointIO()],
        default_root_dir=config.output,
        enable_checkpointing=False,
        # PairStream distributes the pairs itself.
        use_distributed_sampler=False,
    )


def _has_bfloat16(trainer: dict[str, Any]) -> bool:
    on_gpu = trainer.get('accelerator') != 'cpu' and torch.cuda.is_available()
    return on_gpu and torch.cuda.is_bf16_supported(including_emulation=False)
