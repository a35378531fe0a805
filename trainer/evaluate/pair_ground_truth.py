"""The ground truth of pairs: measured and stored with them, or matched from both views."""

from __future__ import annotations

from collections.abc import Iterator
import sys

import numpy as np

from monodepth_ros.core.camera import Camera
from monodepth_ros.core.intrinsics_check import intrinsics_fault
from monodepth_ros.storage.pair_folder import GT_DEPTH
from trainer.datasets.depth_map import DepthMap
from trainer.datasets.kitti import IMPROVED, KittiDrive
from trainer.datasets.kitti_stereo import KittiStereo2015
from trainer.datasets.sources import open_sequences, PairSequence
from trainer.datasets.stereo_matching import checked_depth_m
from trainer.datasets.velodyne_depth import LABELS
from trainer.evaluate.config import EvaluateConfig
from trainer.evaluate.ground_truth import (
    Benchmark,
    DisparityGroundTruth,
    GroundTruthFrame,
    GroundTruthFrames,
)

IMPROVED_LABEL = "KITTI's improved ground truth (annotated depth maps)"
STEREO_LABEL = 'checked semi-global matching of the pair (an estimate)'


def pair_ground_truth(data: str, config: EvaluateConfig) -> GroundTruthFrames:
    """Return the frames of data that open_sequences reads; raise ValueError or OSError."""
    for name in ('image', 'info', 'truth_topic'):
        if getattr(config, name) is not None:
            raise ValueError(f'--{name} is for topics, but {data} is no recording; leave it out')
    sequences = open_sequences(data, velodyne_depth=config.velodyne_depth)
    if config.truth == 'improved' and not isinstance(sequences[0], KittiDrive):
        raise ValueError(
            f'--truth improved is that of KITTI raw, but {data} is other data; use --truth laser'
        )
    for sequence in sequences:
        if fault := intrinsics_fault(sequence.calibration.intrinsics):
            print(f'{sequence.path}: {fault}', file=sys.stderr)
    pairs = [(sequence, name) for sequence in sequences for name in sequence.names]
    first, last = (round(s * len(pairs)) for s in (config.first_share, config.last_share))
    label, looked_for, benchmark = _described(sequences[0], config)
    return GroundTruthFrames(
        label, looked_for, last - first, _frames(pairs[first:last], config), benchmark
    )


def _frames(
    pairs: list[tuple[PairSequence, str]], config: EvaluateConfig
) -> Iterator[GroundTruthFrame | None]:
    for sequence, name in pairs:
        depth_m = _true_depth_m(sequence, name, config)
        if depth_m is None:
            yield None
            continue
        left_rgb, _ = sequence.read_pair(name)
        intrinsics = sequence.calibration.intrinsics
        yield GroundTruthFrame(
            f'{sequence.path.name}/{name}',
            left_rgb,
            Camera.pinhole(intrinsics),
            DepthMap(depth_m, intrinsics),
            _disparity_ground_truth(sequence, config),
        )


def _true_depth_m(sequence: PairSequence, name: str, config: EvaluateConfig) -> np.ndarray | None:
    if config.truth == 'stereo':
        return checked_depth_m(*sequence.read_pair(name), sequence.calibration)
    if config.truth == 'improved':
        assert isinstance(sequence, KittiDrive)
        return sequence.read_improved_depth(name)
    return sequence.read_gt_depth(name)


def _disparity_ground_truth(
    sequence: PairSequence, config: EvaluateConfig
) -> DisparityGroundTruth | None:
    if isinstance(sequence, KittiStereo2015) and config.truth == 'laser':
        return DisparityGroundTruth(sequence.calibration, sequence.nominal)
    return None


def _described(
    sequence: PairSequence, config: EvaluateConfig
) -> tuple[str, str, Benchmark | None]:
    """Return the label, the place to look for it, and the benchmark that the papers report."""
    if config.truth == 'stereo':
        return STEREO_LABEL, 'pairs', None
    if config.truth == 'improved':
        # No benchmark: the rows of the papers are for the ground truth of the Velodyne.
        looked_for = f'DRIVE/{IMPROVED}/NAME.png of data_depth_annotated in the root or beside it'
        return IMPROVED_LABEL, looked_for, None
    if isinstance(sequence, KittiDrive):
        return (
            LABELS[config.velodyne_depth],
            'velodyne_points/data/NAME.bin',
            'kitti raw',
        )
    if isinstance(sequence, KittiStereo2015):
        return 'disp_noc_0', 'training/disp_noc_0/NAME.png', 'kitti stereo 2015'
    return GT_DEPTH, f'{GT_DEPTH}/NAME.png', None
