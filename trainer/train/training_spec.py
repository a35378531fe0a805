"""The ModelSpec of a training: its canonical rig, what it trains on, and what it began from."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
import subprocess
from typing import Any

from monodepth_ros.core.camera import StereoCalibration
from monodepth_ros.core.canonical import fit_canonical
from monodepth_ros.core.model_spec import ModelSpec
from trainer.datasets.sources import PairSequence
from trainer.model.limits import MAX_DISPARITY_FRAC
from trainer.model.network import stride_of
from trainer.train.config import TrainConfig
from trainer.train.history import pretraining


def training_spec(
    config: TrainConfig, sequences: Sequence[PairSequence], kept: ModelSpec | None = None
) -> ModelSpec:
    """
    Return the ModelSpec of a training.

    config: the options.
    sequences: the data that trains, not empty.
    kept: spec whose canonical rig and history are kept; None: the first sequence's rig, cropped or
        stretched, is the canonical one.
    Raises ValueError for a size that the network cannot take and for an empty range of depth.
    """
    if kept is None:
        rig = own_rig(config, sequences[0].calibration)
    else:
        rig = StereoCalibration(kept.camera, kept.baseline_m)
    # The range holds for all rigs, because the network predicts the canonical rig's disparity.
    near_m = nearest_m(rig)
    _check_range(near_m, config)
    focal_lengths_px = [sequence.calibration.intrinsics.fx for sequence in sequences]
    bits = {sequence.images.stated_bits for sequence in sequences}
    return ModelSpec(
        camera=rig.intrinsics,
        baseline_m=rig.baseline_m,
        depth_range_m=(near_m, config.max_depth_m),
        stride=stride_of(config.network),
        training_fx_px=(min(focal_lengths_px), max(focal_lengths_px)),
        encoder=config.network,
        training_data=tuple(sequence.path.name for sequence in sequences),
        data_licence=config.data_licence,
        git_commit=_git_commit(),
        history=pretraining(config.plain()) if kept is None else kept.history,
        bits=bits.pop() if len(bits) == 1 else None,
    )


def own_rig(config: TrainConfig, rig: StereoCalibration) -> StereoCalibration:
    """Return a rig at the network's size, cropped to square pixels or stretched."""
    size: dict[str, Any] = {'width': config.width, 'height': config.height}
    camera = rig.intrinsics
    fitted = fit_canonical(camera, **size) if config.square_pixels else camera.scaled_to(**size)
    return StereoCalibration(fitted, rig.baseline_m)


def nearest_m(rig: StereoCalibration) -> float:
    """Return the depth at which a point of a canonical rig has the largest disparity."""
    return rig.intrinsics.fx * rig.baseline_m / (MAX_DISPARITY_FRAC * rig.intrinsics.width)


def _check_range(near_m: float, config: TrainConfig) -> None:
    if near_m < config.max_depth_m:
        return
    remedy = 'check the baseline, or use a wider lens or a shorter baseline'
    if config.init_from is not None:
        remedy = 'raise max_depth_m, or train without init_from'
    raise ValueError(
        f'{config.init_from or config.data[0]}: everything nearer than {near_m:.3g} m has a '
        f'disparity beyond {MAX_DISPARITY_FRAC} of the width, and max_depth_m is '
        f'{config.max_depth_m:g} m; {remedy}'
    )


def _git_commit() -> str:
    """Return the commit of this source, or 'unknown' outside a checkout."""
    command = ['git', '-C', str(Path(__file__).parent), 'rev-parse', 'HEAD']
    try:
        result = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return 'unknown'
    return result.stdout.strip() or 'unknown'
